"""Attention alone, as models of their own: what `bench attention` measures."""
