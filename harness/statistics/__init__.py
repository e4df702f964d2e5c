"""Pure functions on samples, each with its source.

Samples come as one array a round, in the order taken, in any unit: every result is in that unit.
"""
