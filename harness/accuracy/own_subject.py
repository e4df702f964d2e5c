"""A file, or a network without a task in its spec, as what is scored: made of what its user states. What nobody states
is asked for, never assumed."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from latency_bench.harness.accuracy.meanings import MEANINGS
from latency_bench.harness.accuracy.stated import StatedOutput, StatedPreparation, Statement, Triple
from latency_bench.harness.accuracy.subject import BroughtFile, Subject
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.inputs import PIXELS
from latency_bench.harness.model_file.file_request import shape_text
from latency_bench.harness.model_file.file_spec import FileInput, FileSpec
from latency_bench.model_specs.carried_types import CarriedAs
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance
from latency_bench.model_specs.usual_preparation import preparation_of

_IMAGE_TYPES: dict[str, CarriedAs | None] = {"float32": None, "float16": "float16", "uint8": "uint8"}
"""Of a file's input, and what an InputSpec says of it."""
_SOURCE = "the command"
Shape = tuple[int | str, ...] | None


@dataclass
class _Questions:
    """What is missing, in words and as a line that could be added."""

    words: list[str]
    line: list[str]

    def ask(self, words: str, example: str) -> None:
        self.words.append(words)
        self.line.append(example)


def own_subject(spec: FileSpec | ModelSpec, stated: Statement, is_scored: bool = True) -> Subject:
    """`is_scored`: else it is only run, and what its output is may be left out. Raises UsageError with everything that
    is not stated, and an example of it."""
    tensor, file = _image_input(spec)
    shapes = _output_shapes(spec)
    questions = _Questions([], [])
    asks = is_scored or stated.output is not None
    output = _output(spec.title, shapes, stated.output, tensor.shape[1], questions) if asks else None
    task = None if output is None else output.task
    other = stated.other_model()
    known = other or (spec if isinstance(spec, ModelSpec) and spec.preparation is not None else None)
    how = _preparation(stated, None if known is None else preparation_of(known), task, questions)
    mean, std = _normalisation(spec, tensor, stated, other, questions)
    if stated.channel_order is None and known is None:
        questions.ask("whether its channels are red, green, blue or the other way round", "--channel-order rgb")
    if questions.words or how is None or mean is None or std is None:
        raise UsageError(
            f"{spec.title}: nothing says {', '.join(questions.words)}. Add what holds for it, for example:\n"
            f"  {' '.join(questions.line)}"
        )
    channels = stated.channel_order or "rgb"
    if task == "super-resolution" and channels == "bgr":
        raise UsageError("--channel-order bgr: super-resolution is scored on red, green and blue")
    told = "" if output is None else _words(output)
    fields = how.model_dump() | {"mean": mean, "std": std, "channels": channels, "output": told}
    as_fed = _as_fed(spec, tensor.model_copy(update={"mean": mean, "std": std}), output)
    return Subject(as_fed, StatedPreparation(**fields), output, file)


def _image_input(spec: FileSpec | ModelSpec) -> tuple[InputSpec, BroughtFile | None]:
    """The input that takes the image. Raises UsageError where there is none, or further ones are fed noise."""
    if isinstance(spec, ModelSpec):
        if len(spec.inputs) != 1 or not spec.inputs[0].is_photograph:
            raise UsageError(f"{spec.title} does not take one image of three channels")
        return spec.inputs[0], None
    images = [one for one in spec.inputs if _channels_last(one) is not None]
    if len(images) != 1:
        listed = ", ".join(f"{one.name}: {one.dtype} {shape_text(one.shape)}" for one in spec.inputs)
        raise UsageError(
            f"{spec.title} does not take one image of three channels as {', '.join(_IMAGE_TYPES)} ({listed})"
        )
    image = images[0]
    if image.values is not None:
        raise UsageError(f"--input {image.name}: that input is fed the images of --data; leave it out")
    if drawn := [one for one in spec.inputs if one is not image and one.values is None]:
        raise UsageError(
            f"{spec.title} takes more than an image: say what {drawn[0].name} is fed with --input {drawn[0].name}=..."
        )
    last = bool(_channels_last(image))
    height, width = image.shape[1:3] if last else image.shape[2:]
    tensor = InputSpec(name="image", shape=(3, height, width), carried_as=_IMAGE_TYPES[image.dtype])
    return tensor, BroughtFile(spec, image.name, last)


def _channels_last(tensor: FileInput) -> bool | None:
    """None for what takes no image."""
    shape = tensor.shape
    if tensor.dtype not in _IMAGE_TYPES or len(shape) != 4 or (shape[1] == 3) == (shape[3] == 3):
        return None
    return shape[3] == 3


def _output_shapes(spec: FileSpec | ModelSpec) -> dict[str, Shape]:
    """By name, batch included, as far as it is known."""
    if isinstance(spec, FileSpec):
        return {one.name: one.shape for one in spec.outputs}
    height, width = spec.resolution
    shapes: dict[str, Shape] = {}
    for one in spec.outputs:
        sizes = () if one.stride is None else (round(height / one.stride), round(width / one.stride))
        shapes[one.name] = None if one.channels is None else (1, one.channels, *sizes)
    return shapes


def _output(
    title: str, shapes: dict[str, Shape], stated: StatedOutput | None, height: int, questions: _Questions
) -> StatedOutput | None:
    """With its number. Raises UsageError where the output is not there, or its size says another number."""
    if stated is None:
        listed = ", ".join(f"{name} {_shape_words(shape)}".strip() for name, shape in shapes.items())
        name, shape = next(iter(shapes.items()), ("OUTPUT", None))
        meaning = "pixel-scores" if shape is not None and len(shape) == 4 else "class-scores"
        number = "" if StatedOutput(name, meaning).counted(shape, height) else ":1000"
        asked = f"what its output is (it has {listed or 'outputs that are not stated'})"
        questions.ask(asked, f"--output-is {shlex.quote(f'{name}={meaning}{number}')}")
        return None
    if shapes and stated.name not in shapes:
        raise UsageError(f"--output-is: {title} has no output {stated.name}; there are {', '.join(shapes)}")
    stated.refuse_other_boxes(shapes.get(stated.name))
    counted = stated.counted(shapes.get(stated.name), height)
    what = MEANINGS[stated.meaning].counted
    if stated.number is None and counted is None:
        asked = "how many classes there are" if what == "classes" else "by how much images are enlarged"
        example = f"{stated.name}={stated.meaning}:{19 if what == 'classes' else 2}"
        questions.ask(asked, f"--output-is {shlex.quote(example)}")
        return None
    if stated.number is not None and counted is not None and stated.number != counted:
        raise UsageError(f"--output-is {_words(stated)}: by its size, {stated.name} has {what} {counted}")
    return StatedOutput(stated.name, stated.meaning, stated.number or counted)


def _preparation(
    stated: Statement, known: Preparation | None, task: str | None, questions: _Questions
) -> Preparation | None:
    if task == "super-resolution":
        if stated.resize is not None or stated.interpolation is not None:
            raise UsageError("images are fed to super-resolution as they are; leave out how they are resized")
        return Preparation(resize="tiles", source=_SOURCE)
    if stated.resize is None and known is None:
        shown = "--whole-image" if task in ("segmentation", "detection") else "--crop-share 1"
        questions.ask("how images are resized and cut", shown)
    if stated.interpolation is None and known is None:
        questions.ask("by which filter", "--interpolation bilinear")
    if known is not None and known.resize == "tiles":
        raise UsageError("--prepared-as: that model's images are not resized, as super-resolution has them")
    if known is not None:
        return stated.applied_to(known, "the model")
    if stated.resize is None or stated.interpolation is None:
        return None
    return Preparation(
        resize=stated.resize, crop_share=stated.crop_share, interpolation=stated.interpolation, source=_SOURCE
    )


def _normalisation(
    spec: FileSpec | ModelSpec, tensor: InputSpec, stated: Statement, other: ModelSpec | None, questions: _Questions
) -> tuple[Triple | None, Triple | None]:
    """Raises UsageError where the file itself makes light of pixels."""
    if (stated.mean is None) != (stated.std is None):
        raise UsageError("--mean and --std go together")
    if tensor.carried_as == PIXELS and isinstance(spec, FileSpec):
        if stated.mean is not None:
            raise UsageError(f"--mean, --std: {spec.title} takes pixels of 8 bits, and normalises them itself")
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    given = (stated.mean, stated.std)
    if stated.mean is None and other is not None:
        given = _triples(other.inputs[0])
    elif stated.mean is None and isinstance(spec, ModelSpec) and tensor.mean is not None:
        given = _triples(tensor)
    if given[0] is None:
        questions.ask("how pixels are normalised", "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225")
    elif tensor.carried_as == PIXELS and given != _triples(tensor):
        raise UsageError(
            f"--input-type uint8: the file normalises pixels by {_triples(tensor)}, as the spec of {spec.title} has "
            "it; write mean and std into a specs.yaml (docs/adding-a-model.md)"
        )
    return given


def _triples(tensor: InputSpec) -> tuple[Triple, Triple]:
    (a, b, c), (d, e, f) = tensor.normalisation
    return (a, b, c), (d, e, f)


def _as_fed(spec: FileSpec | ModelSpec, tensor: InputSpec, output: StatedOutput | None) -> ModelSpec:
    changes: dict[str, Any] = {"inputs": (tensor,)}
    if output is not None:
        number = output.number or 1
        is_enlarged = MEANINGS[output.meaning].counted == "scale"
        name = output.name if isinstance(spec, ModelSpec) else "output"
        channels, stride = (3, 1 / number) if is_enlarged else (number, None)
        changes |= {"task": output.task, "outputs": (OutputSpec(name=name, channels=channels, stride=stride),)}
    if isinstance(spec, ModelSpec):
        return spec.model_copy(update=changes)
    return ModelSpec(
        id=re.sub(r"[^a-z0-9._-]", "-", spec.id.lower()),
        family="file",
        title=spec.title,
        builder="file",
        provenance=Provenance(paper="unknown", code=f"a file, SHA-256 {spec.sha256}", license="unknown"),
        **{"task": "generic", "outputs": (OutputSpec(name="output"),), **changes},
    )


def _words(output: StatedOutput) -> str:
    number = "" if output.number is None else f":{output.number}"
    return f"{output.name}={output.meaning}{number}"


def _shape_words(shape: Shape) -> str:
    return "" if shape is None else "x".join(str(size) or "?" for size in shape)
