"""How a photograph becomes a model's input, as its authors' evaluation does it: declared once, in the model's spec.

`bench accuracy` prepares images by it before they are scored, and `--pipeline` inside the request that it times.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Resize = Literal["crop", "stretch", "pad", "tiles"]
"""crop: the shorter side becomes the input's over `crop_share`, rounded up, and the centre is cut out. stretch: the
whole image is resized to the input's size, whatever its proportions. pad: the longer side becomes the input's, and what
is missing at the right or at the bottom is zero in normalised values. tiles: nothing is resized; an image that is
larger than the input is cut into tiles that overlap, a smaller one is continued by its mirror image."""
Interpolation = Literal["bilinear", "bicubic"]


class Preparation(BaseModel):
    """`shape`, mean and std of the input are those of the spec."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    resize: Resize = "crop"
    crop_share: float | None = Field(default=None, gt=0, le=1, strict=False)
    """Of `crop` alone: the input's size over that of the resized shorter side."""
    interpolation: Interpolation = "bicubic"
    source: str = Field(min_length=1)
    """Where it is from."""

    @model_validator(mode="after")
    def _share_of_a_crop(self) -> Preparation:
        if (self.crop_share is not None) != (self.resize == "crop"):
            raise ValueError("crop_share goes with `resize: crop`, and `resize: crop` needs one")
        return self
