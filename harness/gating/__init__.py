"""The gate: is a candidate slower than a baseline, by more than matters? Fine, worse, or cannot tell.

stored_gate.py judges stored runs, measured_gate.py measures both sides now, budgets.py holds one side against fixed
limits. baselines.py keeps the files that are measured again.
"""
