"""A photograph in half precision: what 1024x2048 made of the authors' own demonstration size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latency_bench.model_specs import load_spec
from latency_bench.model_specs.building import build_module

MEAN, SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def photograph(height: int, width: int) -> torch.Tensor:
    """A crop of the portrait that matplotlib ships, normalised as ImageNet's images are. (1, 3, height, width)."""
    import matplotlib
    from PIL import Image

    file = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    picture = Image.open(file).convert("RGB").crop((0, 0, 512, 256)).resize((width, height))
    pixels = (np.asarray(picture, dtype=np.float64) / 255 - MEAN) / SPREAD
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("model_id", ["b1-seg", "l1-seg"])
def test_segmentation_at_full_size_is_finite_and_near(model_id: str, dtype: torch.dtype) -> None:
    """15 % of b1-seg's outputs were NaN while K^T V was summed in half precision."""
    spec = load_spec(model_id)
    image = photograph(*spec.resolution)
    with torch.inference_mode():
        expected = build_module(spec)(image)
        computed = build_module(spec).to(dtype)(image.to(dtype)).float()
    assert computed.isfinite().all()
    error = (computed - expected).abs().max() / expected.abs().max()
    assert error < (1e-2 if dtype == torch.float16 else 8e-2)
