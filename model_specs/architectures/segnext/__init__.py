"""SegNeXt (Guo et al., NeurIPS 2022, arXiv:2209.08575), written after the paper."""
