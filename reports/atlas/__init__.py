"""The atlas: latencies and throughputs that others published, of any model on any device, each with its source.

It ships as one compressed CSV file (`published.csv.xz`), which `scripts/build_atlas.py` makes from tables that were
gathered by hand and by program.
"""
