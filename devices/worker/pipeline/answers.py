"""What an application makes of a network's outputs."""

from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from .detections import SHOWN, as_given
from .detections import detections as kept_detections
from .image_library import ImageLibrary
from .placement import Placement

TOP = 5


class Asked(NamedTuple):
    """What an answer is made with. Sizes are (width, height) in pixels."""

    library: ImageLibrary
    photograph: Tuple[int, int]
    entered: Tuple[int, int]
    """The network's input."""
    placed: Placement
    """Where the photograph lay in it."""


Answer = Callable[[Sequence["np.ndarray"], Asked], List[Any]]
"""Of the outputs in the order of the spec, channel-first with the batch: one answer an image."""


def top_classes(outputs: Sequence["np.ndarray"], asked: Asked) -> List[Any]:
    """The five largest of each image's logits, largest first."""
    logits = outputs[0].reshape(len(outputs[0]), -1)
    count = min(TOP, logits.shape[1])
    answers = []
    for one in logits:
        best = np.argpartition(one, -count)[-count:]
        answers.append(best[np.argsort(-one[best])])
    return answers


def class_maps(outputs: Sequence["np.ndarray"], asked: Asked) -> List[Any]:
    """The class of every pixel of the photograph: logits are resized to it, bicubically, before the largest is taken;
    of classes (height, width), or one channel of them, each pixel takes its nearest."""
    width, height = asked.photograph
    answers = []
    for one in outputs[0]:
        if one.ndim == 2 or len(one) == 1:
            one = one.reshape(one.shape[-2:])
            rows = (np.arange(height) * one.shape[0]) // height
            columns = (np.arange(width) * one.shape[1]) // width
            answers.append(one[rows[:, None], columns[None]])
        else:
            large = one if one.shape[1:] == (height, width) else _resized(one, width, height, asked)
            answers.append(large.argmax(0).astype(np.uint8 if len(one) <= 256 else np.uint16))
    return answers


def images(outputs: Sequence["np.ndarray"], asked: Asked) -> List[Any]:
    """Light in [0, 1] as pixels of 8 bits, the channels last."""
    return [
        np.ascontiguousarray((np.clip(one, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8).transpose(1, 2, 0))
        for one in outputs[0]
    ]


def best_masks(outputs: Sequence["np.ndarray"], asked: Asked) -> List[Any]:
    """Of each image's masks the one that the network thinks best, resized to the network's input, freed of what the
    input was padded with, resized to the photograph, and cut off at 0."""
    (width, height), (wide, high) = asked.photograph, asked.entered
    answers = []
    for masks, scores in zip(outputs[0], outputs[1]):
        best = masks.reshape((-1,) + masks.shape[-2:])[int(np.argmax(scores))]
        entered = _resized(best[None], wide, high, asked, "bilinear")
        own = entered[:, : asked.placed.height, : asked.placed.width]
        answers.append(_resized(own, width, height, asked, "bilinear")[0] > 0)
    return answers


def detections(outputs: Sequence["np.ndarray"], asked: Asked) -> List[Any]:
    """Boxes with scores and classes: what stays of each image's candidates (4 + classes, count)."""
    return [kept_detections(one, asked.library, asked.photograph, asked.placed, SHOWN) for one in outputs[0]]


def boxes(outputs: Sequence["np.ndarray"], asked: Asked) -> List[Any]:
    """The same of a network that suppresses them itself (count, 6)."""
    return [as_given(one, asked.photograph, asked.placed, SHOWN) for one in outputs[0]]


def _resized(maps: "np.ndarray", width: int, height: int, asked: Asked, interpolation: str = "bicubic") -> "np.ndarray":
    return asked.library.resized_maps(maps, width, height, interpolation)


ANSWERS: Dict[str, Answer] = {
    "top-classes": top_classes,
    "class-maps": class_maps,
    "images": images,
    "best-masks": best_masks,
    "detections": detections,
    "boxes": boxes,
}
