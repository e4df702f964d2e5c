"""Segment Anything (Kirillov et al., ICCV 2023, arXiv:2304.02643): prompt encoder, mask decoder and image encoders."""
