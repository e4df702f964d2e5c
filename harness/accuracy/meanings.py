"""What an output of a file can be said to be. Imported by the help of commands, so nothing heavy is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import Task


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
