"""What a file says nothing of, and its user states: how an image becomes its input, and what its output is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from latency_bench.harness.accuracy.meanings import MEANINGS
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.preparation import Interpolation, Preparation, Resize

if TYPE_CHECKING:
    import numpy as np

    from latency_bench.model_specs.spec import ModelSpec, Task

Channels = Literal["rgb", "bgr"]
Triple = tuple[float, float, float]


_MEANING = re.compile(r"(.+)=([a-z-]+)(?::([1-9][0-9]{0,5}))?", re.DOTALL)


@dataclass(frozen=True)
class StatedOutput:
    """One output of a file or module. `number`: how many classes, or by how much an image is enlarged; None where the
    output's size says it."""

    name: str
    meaning: str
    number: int | None = None

    @classmethod
    def parse(cls, text: str) -> StatedOutput:
        """`logits=class-scores`, `map=pixel-classes:19`. Raises ValueError."""
        match = _MEANING.fullmatch(text)
        if not match or match[2] not in MEANINGS:
            raise ValueError(
                f"{text[:80]!r} does not say what an output is; write OUTPUT=MEANING[:NUMBER], for example "
                f"logits=class-scores:1000. Meanings: {', '.join(MEANINGS)}"
            )
        return cls(match[1], match[2], int(match[3]) if match[3] else None)

    @property
    def task(self) -> Task:
        return MEANINGS[self.meaning].task

    def counted(self, shape: tuple[int | str, ...] | None, height: int) -> int | None:
        """What the output's own size says of the number, where it is stated. `height`: of the input."""
        sizes = [size if isinstance(size, int) and size > 0 else None for size in shape or ()]
        if self.meaning == "class-scores" and len(sizes) > 1 and all(sizes[1:]):
            return math.prod(size or 1 for size in sizes[1:])
        if self.meaning == "yolo-boxes":
            return sizes[1] - 4 if len(sizes) == 3 and sizes[1] is not None and sizes[1] > 4 else None
        if self.meaning in ("pixel-classes", "boxes") or len(sizes) != 4:
            return None
        last = MEANINGS[self.meaning].channels_last
        if MEANINGS[self.meaning].counted == "classes":
            return sizes[3] if last else sizes[1]
        made = sizes[1] if last else sizes[2]
        return None if made is None else round(made / height)

    def refuse_other_boxes(self, shape: tuple[int | str, ...] | None) -> None:
        """Raises UsageError for boxes of another kind than it says, as far as the output's size tells; a number that is
        stated is believed."""
        sizes = [size for size in shape or () if isinstance(size, int) and size > 0]
        if self.meaning != "yolo-boxes" or self.number is not None or len(sizes) != 3 or sizes[1] <= sizes[2]:
            return
        size = "x".join(map(str, sizes))
        raise UsageError(
            f"--output-is: {self.name} is {size}, which as yolo-boxes would be {sizes[1] - 4} classes and only "
            f"{sizes[2]} candidates. Boxes in another order, or as offsets from anchors, have to be decoded in the "
            "graph (docs/accuracy.md, Detection)"
        )

    def channel_first(self, array: np.ndarray) -> np.ndarray:
        """As scoring has it: (1, classes), (1, channels, height, width), (1, height, width) of classes, candidates
        (1, 4 + classes, count), or boxes (1, count, 6). Raises
        UsageError where the device gave another number of dimensions."""
        if self.meaning == "class-scores":
            return array.reshape(1, -1)
        if self.meaning == "pixel-classes" and array.ndim == 4:
            array = array[:, 0] if array.shape[1] == 1 else array[..., 0] if array.shape[3] == 1 else array
        expected = 3 if self.meaning in ("pixel-classes", "yolo-boxes", "boxes") else 4
        rows = {"yolo-boxes": (1, 4 + (self.number or 0)), "boxes": (2, 6)}.get(self.meaning)
        if array.ndim != expected or (rows is not None and array.shape[rows[0]] != rows[1]):
            raise UsageError(f"output {self.name} is {'x'.join(map(str, array.shape))}, which is not {self.meaning}")
        return array.transpose(0, 3, 1, 2) if MEANINGS[self.meaning].channels_last else array


class StatedPreparation(Preparation):
    """As a record has it."""

    mean: Triple
    std: Triple
    """By channel of the input, for light in [0, 1]."""
    channels: Channels
    output: str


def by_channel(value: Any) -> Any:
    """`0.485,0.456,0.406`, `1/255` or one number as a number for each of three channels; other things as they are.
    Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    try:
        numbers = [_number(word) for word in str(value).split(",")]
    except (ValueError, ZeroDivisionError):
        numbers = []
    if len(numbers) not in (1, 3) or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{str(value)[:80]!r} is not a number for each channel; write 0.485,0.456,0.406, or 1/255")
    return tuple(numbers * 3 if len(numbers) == 1 else numbers)


def _number(text: str) -> float:
    above, stroke, below = text.partition("/")
    return float(above) / float(below) if stroke else float(above)


def _meaning(text: str) -> str:
    StatedOutput.parse(text)
    return text


ByChannel = Annotated[Triple, BeforeValidator(by_channel), Field(strict=False)]


class Statement(BaseModel):
    """What a user says, in the words of the options. None: not said."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    crop_share: float | None = Field(default=None, gt=0, le=1, strict=False)
    whole_image: bool = False
    interpolation: Interpolation | None = None
    mean: ByChannel | None = None
    std: ByChannel | None = None
    channel_order: Channels | None = None
    output_is: Annotated[str, AfterValidator(_meaning)] | None = None
    prepared_as: str | None = Field(default=None, min_length=1, max_length=200)
    """Id of another model, whose preparation, mean and std are taken."""

    @model_validator(mode="after")
    def _goes_together(self) -> Statement:
        if self.whole_image and self.crop_share is not None:
            raise ValueError("a whole image is not cropped: leave out the crop's share")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("every number of std has to be more than 0")
        return self

    @property
    def resize(self) -> Resize | None:
        return "stretch" if self.whole_image else None if self.crop_share is None else "crop"

    @property
    def output(self) -> StatedOutput | None:
        return None if self.output_is is None else StatedOutput.parse(self.output_is)

    def other_model(self) -> ModelSpec | None:
        """That `prepared_as` names. Raises SpecError for one that is not known, UsageError for one without images."""
        if self.prepared_as is None:
            return None
        from latency_bench.model_specs import load_spec

        spec = load_spec(self.prepared_as)
        if not spec.inputs[0].is_photograph:
            raise UsageError(f"--prepared-as: {spec.id} does not take one image of three channels")
        return spec

    @property
    def beyond_specs(self) -> list[str]:
        """The options of these that are given and say what the spec of a model says itself."""
        names = ("mean", "std", "channel_order", "output_is", "prepared_as")
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name) is not None]

    def said(self) -> dict[str, Any]:
        """What is said, as JSON has it: fields of the same statement."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def applied_to(self, usual: Preparation, model: str) -> Preparation:
        """What is said in the place of what is usual. Raises UsageError for images that are not resized."""
        changes: dict[str, Any] = {}
        if self.resize is not None:
            changes |= {"resize": self.resize, "crop_share": self.crop_share}
        if self.interpolation is not None:
            changes["interpolation"] = self.interpolation
        if changes and usual.resize == "tiles":
            raise UsageError(f"images are fed to {model} as they are; leave out how they are resized")
        return usual.model_copy(update={**changes, "source": "the command"}) if changes else usual
