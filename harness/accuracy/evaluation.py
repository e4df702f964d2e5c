"""The artifact that is timed, run over images on the device, in pieces; each finished piece is kept, so that a kill
costs one of them.

A piece is one process on the device that is given images one after the other, outside of everything that is timed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.opening import open_device
from latency_bench.devices.runners.base import Deployment, RoundJob
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.accuracy import prompted, super_resolution
from latency_bench.harness.accuracy.coco_evaluation import CocoImage
from latency_bench.harness.accuracy.feeding import Fed, whole
from latency_bench.harness.accuracy.pieces import PIECE_BYTES, Piece, key_of, pieces_of
from latency_bench.harness.accuracy.preparing import image_values, is_turned, label_values, require_same_proportions
from latency_bench.harness.accuracy.samples import DataSet, Sample
from latency_bench.harness.accuracy.scoring import Scorer, own_choice, scorer_of
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.case import Case, choose_cpus, shortest
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.device_locks import hold_device
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.image_file import UnusableImageError
from latency_bench.harness.statistics.image_metrics import Counts
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class Evaluated:
    """`counts`: a row an image, with the scorer's columns, in the order of `names`. `skipped`: images that could not be
    used, with the reason. `turned`: images whose EXIF data ask for a turn, which is not made."""

    artifact: Artifact
    names: tuple[str, ...]
    counts: Counts
    skipped: tuple[tuple[str, str], ...]
    turned: int
    against_module: bool
    """Whether the fp32 module's own choices stood in for labels that there are none of."""
    fingerprint: dict[str, Any]
    """What the device is."""
    coco_images: tuple[CocoImage, ...] = ()
    """In the order of `names`; empty where the task has no average precision."""

    @property
    def reasons(self) -> Counter[str]:
        """How often each reason made an image unusable."""
        return Counter(reason for _, reason in self.skipped)


def refuse_without_module(case: Case, data: DataSet) -> None:
    """Raises UsageError for images without labels where there is no fp32 module to stand in for them."""
    if data.samples[0].label is not None:
        return
    if not isinstance(case.spec, ModelSpec):
        raise UsageError(
            f"--data {data.folder} has no labels, and a file has no fp32 module to be held against: add --labels FILE, "
            "or lay the images out in a folder a class"
        )
    if len(case.spec.outputs) != 1:
        raise UsageError(f"--data {data.folder} has no labels, and of {case.spec.id} several outputs could be compared")


def evaluate(
    case: Case,
    subject: Subject,
    data: DataSet,
    kept: Path,
    command: str,
    on_stage: Callable[[str], None],
    wait: bool = False,
) -> Evaluated:
    """Score every image of the data set. `kept`: folder for finished pieces; those of an earlier call with the same
    artifact, images and preparation are taken from it. `wait`: while others measure on the device.

    Raises UsageError for images that the model cannot be scored on, DeviceError and ExportError as a run does.
    """
    refuse_without_module(case, data)
    scorer, against_module = scorer_of(subject.spec), data.samples[0].label is None
    with open_device(case.device) as session, TemporaryFolder("images") as folder:
        hold_device(lambda: session.lock(command), case.device.name, wait, on_stage)
        fingerprint = session.fingerprint()
        cpus = choose_cpus(case, session)
        artifact = artifact_of(case, session, on_stage)
        judge = _Judge(case, subject, data, scorer, against_module)
        job = replace(shortest(case.round_request(artifact, cpus)), throughput=None)
        device = _OnDevice(session, session.deploy(artifact.path, artifact.sha256, artifact.external_data), job)
        pieces = list(pieces_of(data.samples, subject.spec))
        rows: list[Piece] = []
        for number, samples in enumerate(pieces):
            key = key_of(artifact, samples, subject, data.layout, against_module)
            piece = Piece.read(kept / f"{key}.npz", scorer)
            if piece is None:
                done = sum(len(one) for one in pieces[:number])
                on_stage(f"image {done + 1} of {len(data.samples)}")
                piece = _scored(samples, artifact, judge, device, folder / str(number))
                shutil.rmtree(folder / str(number), ignore_errors=True)
                piece.write(kept / f"{key}.npz")
            rows.append(piece)
    counts = [piece.counts for piece in rows if len(piece.counts)]
    if not counts:
        raise UsageError(f"none of the {len(data.samples)} images could be used: {rows[0].skipped[0][1]}")
    return Evaluated(
        artifact,
        tuple(name for piece in rows for name in piece.names),
        np.concatenate(counts),
        tuple(one for piece in rows for one in piece.skipped),
        sum(piece.turned for piece in rows),
        against_module,
        fingerprint,
        tuple(one for piece in rows for one in piece.coco_images),
    )


@dataclass(frozen=True)
class _OnDevice:
    session: DeviceSession
    deployment: Deployment
    job: RoundJob

    def outputs(self, checks: dict[str, list[dict[str, object]]], folder: Path) -> dict[str, Path]:
        """Files with the outputs, by the name of each input. Raises UsageError where the runner has none to give."""
        result = self.session.measure(
            self.deployment, replace(self.job, checks=checks), folder / "outputs.npz", lambda _: None
        )
        if not result.check_outputs:
            raise UsageError(f"outputs cannot be had from this device: {result.no_outputs_because}")
        return dict(result.check_outputs)


class _Scored(NamedTuple):
    """An image's counts, and what average precision is made of where the task has one."""

    counts: Counts
    coco_images: tuple[CocoImage, ...]


class _Judge:
    """What an image's output is held against: its label, or the fp32 module's choice for the same values."""

    def __init__(self, case: Case, subject: Subject, data: DataSet, scorer: Scorer, against_module: bool) -> None:
        self.subject, self._data, self._scorer = subject, data, scorer
        self._module = None
        if against_module:
            from latency_bench.model_specs.building import build_module

            weights = None if case.weights is None else case.weights.path
            self._module = build_module(subject.spec, weights, case.seed)

    def label(self, sample: Sample, fed: Fed) -> Any:
        """Raises UnusableImageError."""
        if self._module is not None:
            import torch

            with torch.inference_mode():
                outputs = [self._module(torch.from_numpy(values)).numpy() for values in fed.values]
            if stated := self.subject.output:
                outputs = [stated.channel_first(output) for output in outputs]
            return own_choice(fed.join([{"": output} for output in outputs]), self.subject.spec)
        if fed.label is not None:
            return fed.label
        if isinstance(sample.label, Path):
            stored = label_values(sample.label)
            require_same_proportions(stored, sample.image)
            return self._checked(self._data.to_class(stored) if self._data.to_class else stored)
        return np.asarray(sample.label)

    def _checked(self, classes: np.ndarray) -> np.ndarray:
        """Raises UnusableImageError for a class that the network does not know."""
        known, largest = self.subject.spec.outputs[0].channels, int(classes.max(initial=-1))
        if known is not None and largest >= known:
            raise UnusableImageError(f"its label has class {largest}, and the network has {known}, from 0")
        return classes

    def scored(self, output: Any, label: Any) -> _Scored:
        of_coco = self._scorer.coco_image
        return _Scored(self._scorer.row(output, label), () if of_coco is None else (of_coco(output, label),))


@dataclass(frozen=True)
class _Ready:
    """A sample whose values lie on this host's disk: of every request the files by the name of the input."""

    sample: Sample
    fed: Fed
    label: Any
    requests: tuple[Mapping[str, Path], ...]

    @property
    def files(self) -> set[Path]:
        return {file for request in self.requests for file in request.values()}

    @property
    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files)


def _scored(samples: Sequence[Sample], artifact: Artifact, judge: _Judge, device: _OnDevice, folder: Path) -> Piece:
    names: list[str] = []
    scored: list[_Scored] = []
    skipped: list[tuple[str, str]] = []
    turned = 0
    for number, group in enumerate(_grouped(_made_ready(samples, judge, folder, skipped))):
        scored += _scored_group(group, artifact, judge, device, folder / f"outputs-{number}")
        names += [one.sample.name for one in group]
        turned += sum(is_turned(one.sample.image) for one in group)
        for one in group:
            for file in one.files:
                file.unlink()
    counts = np.array([one.counts for one in scored]) if scored else np.empty((0, 0))
    images = tuple(image for one in scored for image in one.coco_images)
    return Piece(tuple(names), counts, tuple(skipped), turned, images)


def _made_ready(
    samples: Sequence[Sample], judge: _Judge, folder: Path, skipped: list[tuple[str, str]]
) -> Iterator[_Ready]:
    """The samples that can be used; the others, with the reason, go to `skipped`."""
    subject, name = judge.subject, judge.subject.spec.inputs[0].name
    for sample in samples:
        place = folder / hashlib.sha256(sample.name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        try:
            fed = feed(sample, subject.spec, subject.how)
            label = judge.label(sample, fed)
        except UnusableImageError as error:
            skipped.append((sample.name, str(error)))
            continue
        written: dict[int, Path] = {}
        requests = []
        for number, values in enumerate(fed.values):
            if id(values) not in written:
                written[id(values)] = _written(place, number, name, subject.carried(values))
            prompts = fed.prompts[number] if fed.prompts else {}
            files = {prompt: _written(place, number, prompt, array) for prompt, array in prompts.items()}
            requests.append({name: written[id(values)], **files})
        yield _Ready(sample, replace(fed, values=(), prompts=()), label, tuple(requests))


def _written(place: Path, request: int, name: str, array: np.ndarray) -> Path:
    """Each in a folder of its own, whose name tells it apart on a device too."""
    told = hashlib.sha256(f"{place.name} {request} {name}".encode()).hexdigest()[:16]
    file = place.with_name(told) / "values.npy"
    file.parent.mkdir(parents=True)
    np.save(file, array, allow_pickle=False)
    return file


def _grouped(ready: Iterable[_Ready]) -> Iterator[list[_Ready]]:
    """As many at once as their values fit PIECE_BYTES, one at least."""
    group: list[_Ready] = []
    size_bytes = 0
    for one in ready:
        if group and size_bytes + one.size_bytes > PIECE_BYTES:
            yield group
            group, size_bytes = [], 0
        group.append(one)
        size_bytes += one.size_bytes
    if group:
        yield group


def _scored_group(
    group: Sequence[_Ready], artifact: Artifact, judge: _Judge, device: _OnDevice, folder: Path
) -> list[_Scored]:
    """By one process on the device."""
    checks = {
        f"image{number}-{part}": judge.subject.described(artifact, files)
        for number, one in enumerate(group)
        for part, files in enumerate(one.requests)
    }
    folder.mkdir(parents=True)
    written = device.outputs(checks, folder)
    scored = []
    for number, one in enumerate(group):
        own = [written[f"image{number}-{part}"] for part in range(len(one.requests))]
        outputs = [judge.subject.outputs(artifact, file) for file in own]
        scored.append(judge.scored(one.fed.join(outputs), one.label))
        for file in own:
            file.unlink(missing_ok=True)
    return scored


def feed(sample: Sample, spec: ModelSpec, how: Preparation) -> Fed:
    """What a sample becomes on its way through a model. Raises UnusableImageError."""
    if spec.task == "super-resolution":
        return super_resolution.feed(sample, spec)
    if spec.task == "segment-anything":
        return prompted.feed(sample, spec, how)
    return whole(image_values(sample.image, spec.inputs[0], how))
