"""What a file says nothing of, and its user states: how an image becomes its input, and what its output is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from latency_bench.harness.errors import UsageError
from latency_bench.model_specs.preparation import Interpolation, Preparation, Resize
from latency_bench.model_specs.spec import ModelSpec, Task

Channels = Literal["rgb", "bgr"]
Triple = tuple[float, float, float]


class Meaning(NamedTuple):
    """What an output is, channel-first unless `channels_last`. `counted`: what its size, or a number behind the
    meaning, says."""

    task: Task
    counted: Literal["classes", "scale"]
    words: str
    channels_last: bool = False


MEANINGS: dict[str, Meaning] = {
    "class-scores": Meaning("classification", "classes", "a score for each class"),
    "pixel-scores": Meaning("segmentation", "classes", "(1, classes, height, width)"),
    "pixel-scores-nhwc": Meaning("segmentation", "classes", "(1, height, width, classes)", channels_last=True),
    "pixel-classes": Meaning("segmentation", "classes", "the class of each pixel"),
    "yolo-boxes": Meaning("detection", "classes", "(1, 4 + classes, candidates): centre, width, height, scores"),
    "boxes": Meaning("detection", "classes", "(1, count, 6): left, top, right, bottom, score, class"),
    "image": Meaning("super-resolution", "scale", "light in [0, 1], (1, 3, height, width)"),
    "image-nhwc": Meaning("super-resolution", "scale", "light in [0, 1], (1, height, width, 3)", channels_last=True),
}
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
            return int(np.prod([size or 1 for size in sizes[1:]]))
        if self.meaning == "yolo-boxes":
            return sizes[1] - 4 if len(sizes) == 3 and sizes[1] is not None and sizes[1] > 4 else None
        if self.meaning in ("pixel-classes", "boxes") or len(sizes) != 4:
            return None
        last = MEANINGS[self.meaning].channels_last
        if MEANINGS[self.meaning].counted == "classes":
            return sizes[3] if last else sizes[1]
        made = sizes[1] if last else sizes[2]
        return None if made is None else round(made / height)

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


@dataclass(frozen=True)
class Statement:
    """What a user says. None: not said."""

    resize: Resize | None = None
    crop_share: float | None = None
    interpolation: Interpolation | None = None
    mean: Triple | None = None
    std: Triple | None = None
    channels: Channels | None = None
    output: StatedOutput | None = None
    prepared_as: ModelSpec | None = None
    """Another model whose preparation, mean and std are taken."""

    @property
    def beyond_specs(self) -> list[str]:
        """The options of these that are given and say what the spec of a model says itself."""
        options = {
            "--mean": self.mean,
            "--std": self.std,
            "--channel-order": self.channels,
            "--output-is": self.output,
            "--prepared-as": self.prepared_as,
        }
        return [option for option, value in options.items() if value is not None]

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
