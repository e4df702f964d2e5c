"""Ratios measured as ratios: several models live on one device and take turns by short bursts of requests.

pair_run.py is the story from the opened device to the stored pair.
"""
