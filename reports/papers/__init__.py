"""Papers: a folder each, with what its authors printed and what its rows are called here.

`paper.yaml` and the CSV files beside it say everything (paper_file.py); nothing in the program knows a paper by name.
"""
