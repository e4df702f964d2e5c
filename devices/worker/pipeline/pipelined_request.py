"""The timed request of a pipeline: bytes of a photograph in, an answer out."""

import hashlib
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from ..clock import Clock
from ..failure import STORAGE, WorkerError, bad_request, one_line
from ..job import InputTensor
from ..request_times import RequestTimes
from ..runtime.base import Runtime
from .answers import ANSWERS, Asked
from .image_library import ImageLibrary
from .normalising import Normalising
from .pipeline_job import PipelineJob
from .placement import placement


class PipelinedRequest:
    """Called in place of the runtime's own `request`. Nothing of an image is kept from one request to the next."""

    def __init__(
        self, job: PipelineJob, library: ImageLibrary, runtime: Runtime, inputs: Sequence[InputTensor], clock: Clock
    ) -> None:
        """`inputs`: in the artifact's order, the runtime fed with them. Raises WorkerError."""
        self._job, self._library, self._runtime, self._clock = job, library, runtime, clock
        self._content = _read(job.photograph)
        self._arrays = runtime.input_arrays()
        place = _place_of(job.input, inputs)
        self._slots = self._arrays[place]
        self._height, self._width = _image_size(self._slots, job)
        self._given = [array.copy() for array in self._arrays]
        self._normalising = Normalising(job.preparing.mean, job.preparing.std)
        size = library.size(self._first_decoding())
        preparing = job.preparing
        self._placed = placement(*size, self._width, self._height, preparing.resize, preparing.crop_share)
        self._asked = Asked(library, size, (self._width, self._height), self._placed)
        self._answer = None if job.answer is None else ANSWERS[job.answer]
        self.answers: List[Any] = []
        """Of the latest request, one an image."""

    def facts(self) -> Dict[str, Any]:
        """What decides the times of the added phases, as a record has it."""
        width, height = self._asked.photograph
        photograph = {"size": "%dx%d" % (width, height), "size_bytes": len(self._content)}
        photograph["sha256"] = hashlib.sha256(self._content).hexdigest()
        preparing = self._job.preparing
        share = "" if preparing.crop_share is None else " %g" % preparing.crop_share
        order = "" if self._job.channels == "rgb" else ", %s" % self._job.channels
        prepared = "%s%s, %s%s" % (preparing.resize, share, preparing.interpolation, order)
        return dict(self._library.facts(), photograph=photograph, prepared=prepared, answer=self._job.answer or "none")

    def __call__(self) -> RequestTimes:
        clock, library = self._clock, self._library
        start_ns = clock()
        images = [library.decode(self._content) for _ in self._slots]
        decoded_ns = clock()
        for slot, image in zip(self._slots, images):
            self._prepare(image, slot)
        prepared_ns = clock()
        times = self._runtime.request()
        carried_out_ns = clock()
        if self._answer is not None:
            self.answers = self._answer(self._outputs(), self._asked)
        end_ns = clock()
        return times._replace(
            start_ns=start_ns,
            end_ns=end_ns,
            decode_ns=decoded_ns - start_ns,
            preprocess_ns=prepared_ns - decoded_ns,
            postprocess_ns=None if self._answer is None else end_ns - carried_out_ns,
        )

    def run_as_given(self) -> Mapping[str, "np.ndarray"]:
        """The outputs of one plain request with the inputs that the runtime was fed before the first photograph: what
        the host has a reference for."""
        for array, given in zip(self._arrays, self._given):
            array[...] = given
        self._runtime.request()
        return self._runtime.outputs()

    def _prepare(self, image: Any, slot: "np.ndarray") -> None:
        library, placed = self._library, self._placed
        if library.size(image) != (placed.width, placed.height):
            image = library.resized(image, placed.width, placed.height, self._job.preparing.interpolation)
        width, height = min(self._width, placed.width), min(self._height, placed.height)
        if (width, height) != (placed.width, placed.height):
            image = library.cut(image, placed.left, placed.top, width, height)
        pixels = library.pixels(image)
        if self._job.channels == "bgr":
            pixels = pixels[..., ::-1]
        self._normalising.fill(slot, pixels, self._job.channels_last)

    def _outputs(self) -> List["np.ndarray"]:
        """Those that the answer is made of, channel-first."""
        named, declared = self._runtime.outputs(), self._job.outputs
        if not all(output.name in named for output in declared):
            # Some runtimes have no names for outputs; their order is the artifact's.
            named = dict(zip([output.name for output in declared], named.values()))
        last = {output.name for output in declared if output.channels_last and named[output.name].ndim == 4}
        wanted = self._job.answer_from
        return [named[name].transpose(0, 3, 1, 2) if name in last else named[name] for name in wanted]

    def _first_decoding(self) -> Any:
        try:
            return self._library.decode(self._content)
        except Exception as error:
            words = one_line("%s: %s" % (type(error).__name__, error))
            raise bad_request("%s cannot decode the photograph: %s" % (self._library.name, words))


def _place_of(name: str, inputs: Sequence[InputTensor]) -> int:
    places = [place for place, tensor in enumerate(inputs) if tensor.name == name]
    if not places:
        raise bad_request("pipeline.input: the request does not have an input called %s" % name)
    return places[0]


def _image_size(slots: "np.ndarray", job: PipelineJob) -> Tuple[int, int]:
    """(height, width). Raises WorkerError for an input that takes no images of three channels."""
    shape = slots.shape
    if len(shape) != 4 or shape[3 if job.channels_last else 1] != 3:
        raise bad_request(
            "pipeline.input: %s is %s, which takes no photograph" % (job.input, "x".join(map(str, shape)))
        )
    return (shape[1], shape[2]) if job.channels_last else (shape[2], shape[3])


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise WorkerError(STORAGE, "the photograph cannot be read: %s" % (error.strerror or error))
