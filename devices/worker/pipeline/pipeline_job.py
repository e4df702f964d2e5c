"""The part of a job that says how a photograph becomes an input, and what is made of the outputs."""

import os
from typing import Any, NamedTuple, Optional, Tuple

from ..fields import Fields, boolean, filled_list, listing, number, numbers, one_of, optional, text
from .answers import ANSWERS
from .library_packages import MODULES
from .placement import CHANNELS, INTERPOLATIONS, RESIZES, Preparing


class PipelineOutput(NamedTuple):
    """An output as the artifact has it."""

    name: str
    channels_last: bool


class PipelineJob(NamedTuple):
    """`outputs`: in the artifact's order. `answer`: None where nothing is made of them, as of an embedding."""

    library: str
    photograph: str
    """Path of the file whose bytes every request decodes."""
    input: str
    """Name of the input that the photograph goes into."""
    channels_last: bool
    """Of that input."""
    channels: str
    """Their order in it: one of CHANNELS."""
    preparing: Preparing
    outputs: Tuple[PipelineOutput, ...]
    answer: Optional[str]
    answer_from: Tuple[str, ...]
    """Names of the outputs that the answer is made of, in the spec's order."""


def parse_pipeline(document: Any, folder: str) -> Optional[PipelineJob]:
    """Raises WorkerError (bad-request) with the field that is wrong."""
    if document is None:
        return None
    fields = Fields("pipeline", document)
    job = PipelineJob(
        library=fields.take("library", one_of(tuple(MODULES))),
        photograph=os.path.join(folder, fields.take("photograph", text)),
        input=fields.take("input", text),
        channels_last=fields.take("channels_last", boolean),
        channels=fields.take("channels", one_of(CHANNELS)),
        preparing=Preparing(
            resize=fields.take("resize", one_of(RESIZES)),
            crop_share=fields.take("crop_share", optional(number), None),
            interpolation=fields.take("interpolation", one_of(INTERPOLATIONS)),
            mean=tuple(fields.take("mean", numbers)),
            std=tuple(fields.take("std", numbers)),
        ),
        outputs=tuple(_parse_output(index, item) for index, item in enumerate(fields.take("outputs", filled_list))),
        answer=fields.take("answer", optional(one_of(tuple(ANSWERS))), None),
        answer_from=tuple(text(name) for name in fields.take("answer_from", listing, [])),
    )
    fields.finish()
    if not len(job.preparing.mean) == len(job.preparing.std) == 3:
        raise fields.bad("mean", "mean and std have three numbers each, of red, green and blue")
    if not all(value > 0 for value in job.preparing.std):
        raise fields.bad("std", "expected more than 0, got %s" % list(job.preparing.std))
    if not set(job.answer_from) <= {output.name for output in job.outputs}:
        raise fields.bad("answer_from", "%s are not all among the outputs" % ", ".join(job.answer_from))
    if job.preparing.crop_share is not None and not 0 < job.preparing.crop_share <= 1:
        raise fields.bad("crop_share", "expected more than 0 and at most 1, got %g" % job.preparing.crop_share)
    return job


def _parse_output(index: int, document: Any) -> PipelineOutput:
    fields = Fields("pipeline.outputs[%d]" % index, document)
    output = PipelineOutput(fields.take("name", text), fields.take("channels_last", boolean))
    fields.finish()
    return output
