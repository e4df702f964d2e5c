"""The gate: is a candidate slower than a baseline, by more than matters? Fine, worse, or cannot tell.

stored_gate.py judges stored runs, budgets.py holds one side against fixed limits.
"""
