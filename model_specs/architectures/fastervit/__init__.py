"""FasterViT (Hatamizadeh et al., ICLR 2024, arXiv:2306.06189), written after the paper."""
