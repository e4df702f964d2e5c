"""How often a deployed artifact is right: over images with labels, on the device, through the worker that timed it.

data_sets.py finds images and labels, preparing.py makes values of an image, scoring.py holds outputs against labels,
evaluation.py runs it all in pieces (pieces.py) that survive a kill.
"""
