"""What the user can choose about an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Output = Literal["logits", "argmax", "full"]


@dataclass(frozen=True)
class ExportOptions:
    """Options of one export. Shapes are static: the batch size is part of the artifact."""

    batch: int = 1
    precision: str = "fp32"
    """What the file itself carries. Which ones a format can carry is for the format to say."""
    output: Output = "logits"
    """Of dense predictions: the logits at the head's resolution, the class of each of its positions, or the logits at
    the input's resolution."""
    opset: int | None = None
    """ONNX opset; None for the lowest one that the spec says can express the model."""
    weights: Path | None = None
    """A checkpoint; None for seeded weights."""
    seed: int = 0
    """Draws the weights where there is no checkpoint."""
    input_seed: int = 0
    """Draws the input of which the reference output is kept; input number i is drawn from `input_seed + i`."""

    check_image: Path | None = None
    """An image that outputs are compared on as well."""

    quantiser: str | None = None
    """Who makes the quantised file, where the format leaves a choice; None: the format's own."""
    calibration: Path | None = None
    """An .npz file with inputs that ranges of activations are taken from (calibration.py); None: seeded draws."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, not {self.batch}")
        if self.output not in ("logits", "argmax", "full"):
            raise ValueError(f"output must be logits, argmax or full, not {self.output!r}")
        if self.opset is not None and self.opset < 11:
            raise ValueError(f"opset must be at least 11, not {self.opset}")
