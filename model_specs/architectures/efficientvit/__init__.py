"""EfficientViT (Cai et al., ICCV 2023): multi-scale linear attention, its backbones and its heads.

Read `attention.py` beside Figure 2 (right) of the paper, `blocks.py` beside Figure 2 (left), `backbone.py` and the
heads beside Figure 5. Configurations are those published at github.com/mit-han-lab/efficientvit; the code is our own.
"""
