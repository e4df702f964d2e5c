"""Figures, one file each, drawn with matplotlib."""
