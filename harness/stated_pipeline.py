"""`--pipeline` by what a user says: of a file or network of their own, or a model of the catalog prepared otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latency_bench.harness.accuracy.meanings import MEANINGS
from latency_bench.harness.accuracy.own_subject import own_subject
from latency_bench.harness.accuracy.stated import StatedPreparation, Statement
from latency_bench.harness.errors import UsageError
from latency_bench.harness.pipeline_request import Surroundings, answer_of, surroundings_of_spec
from latency_bench.model_specs.spec import ModelSpec
from latency_bench.model_specs.usual_preparation import preparation_of

if TYPE_CHECKING:
    from latency_bench.harness.model_file.file_spec import FileSpec


def surroundings(spec: ModelSpec | FileSpec, stated: Statement) -> Surroundings:
    """What stands around the network. Raises UsageError for one that takes no image, and with what is not stated that
    nobody can know."""
    if isinstance(spec, ModelSpec):
        if not spec.inputs[0].is_photograph:
            raise UsageError(f"--pipeline: {spec.id} does not take one image, its three channels first")
        if spec.task != "generic":
            if options := stated.beyond_specs:
                raise UsageError(f"{options[0]} is for files and networks of your own; the spec of {spec.id} says it")
            return surroundings_of_spec(spec, stated.applied_to(preparation_of(spec), spec.id))
    return _of_own(spec, stated)


def _of_own(spec: ModelSpec | FileSpec, stated: Statement) -> Surroundings:
    subject = own_subject(spec, stated, is_scored=False)
    assert isinstance(subject.how, StatedPreparation)
    tensor, output, file = subject.spec.inputs[0], subject.output, subject.file
    mean, std = tensor.normalisation
    _, height, width = tensor.shape
    answer = None if output is None else "boxes" if output.meaning == "boxes" else answer_of(subject.spec)
    return Surroundings(
        subject.image_input,
        (height, width),
        subject.how,
        mean,
        std,
        answer,
        () if output is None else (output.name,),
        subject.how.channels,
        None if file is None else file.channels_last,
        output is not None and MEANINGS[output.meaning].channels_last,
    )
