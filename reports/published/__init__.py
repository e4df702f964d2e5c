"""The paper's numbers as printed: one CSV a table, transcribed by hand, and the claims of its text.

EfficientViT: Multi-Scale Linear Attention for High-Resolution Dense Prediction, Cai et al., ICCV 2023. Units are in the
column names: `params_m` millions, `macs_g` 10^9 multiply-accumulates, `*_ms_bs1` milliseconds at batch 1, `*_img_per_s`
images a second. An empty cell is a dash in the paper.
"""
