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
from typing import Any

import numpy as np

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.opening import open_device
from latency_bench.devices.runners.base import Deployment, RoundJob
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.accuracy import prompted, super_resolution
from latency_bench.harness.accuracy.feeding import Fed, whole
from latency_bench.harness.accuracy.pieces import PIECE_BYTES, Piece, key_of, pieces_of
from latency_bench.harness.accuracy.preparing import image_values, is_turned, label_values
from latency_bench.harness.accuracy.samples import DataSet, Sample
from latency_bench.harness.accuracy.scoring import SCORED_TASKS, Scorer, own_choice, scorer_of
from latency_bench.harness.case import INPUT_SEED, Case, choose_cpus, shortest
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.device_locks import hold_device
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.carried_inputs import carried_values
from latency_bench.harness.export.image_file import UnusableImageError
from latency_bench.harness.export.inputs import describe_inputs
from latency_bench.harness.fidelity.check import deployed_outputs
from latency_bench.harness.statistics.image_metrics import Counts
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import ModelSpec

_SCORED = ", ".join(task for task in SCORED_TASKS if task != "generic")


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

    @property
    def reasons(self) -> Counter[str]:
        """How often each reason made an image unusable."""
        return Counter(reason for _, reason in self.skipped)


def refuse_unknown_tasks(case: Case) -> None:
    """Raises UsageError for a model whose outputs nothing here can hold against labels."""
    spec = case.spec
    if not isinstance(spec, ModelSpec):
        raise UsageError(f"{spec.id}: a file does not say how images are prepared for it; name a model or a --module")
    if spec.task == "segment-anything":
        if not prompted.takes_one_box(spec):
            raise UsageError(f"{spec.id} does not compute masks from a box; name a whole network, such as sam-l0-box")
    elif len(spec.inputs) != 1 or not spec.inputs[0].is_photograph:
        raise UsageError(f"{spec.id} does not take one image of three channels")
    elif spec.task not in SCORED_TASKS or len(spec.outputs) != 1:
        raise UsageError(f"{spec.id} is for {spec.task}, whose outputs are not scored here; there are {_SCORED}")
    if case.batch != 1:
        raise UsageError(f"--batch {case.batch}: images are scored one by one")


def evaluate(
    case: Case,
    data: DataSet,
    how: Preparation,
    kept: Path,
    command: str,
    on_stage: Callable[[str], None],
    wait: bool = False,
) -> Evaluated:
    """Score every image of the data set. `kept`: folder for finished pieces; those of an earlier call with the same
    artifact, images and preparation are taken from it. `wait`: while others measure on the device.

    Raises UsageError for a model that cannot be scored, DeviceError and ExportError as a run does.
    """
    refuse_unknown_tasks(case)
    spec = case.spec
    assert isinstance(spec, ModelSpec)
    scorer, against_module = scorer_of(spec), data.samples[0].label is None
    with open_device(case.device) as session, TemporaryFolder("images") as folder:
        hold_device(lambda: session.lock(command), case.device.name, wait, on_stage)
        fingerprint = session.fingerprint()
        cpus = choose_cpus(case, session)
        artifact = artifact_of(case, session, on_stage)
        judge = _Judge(case, spec, data, scorer, against_module)
        job = replace(shortest(case.round_request(artifact, cpus)), throughput=None)
        device = _OnDevice(session, session.deploy(artifact.path, artifact.sha256, artifact.external_data), job)
        pieces = list(pieces_of(data.samples, spec))
        rows: list[Piece] = []
        for number, samples in enumerate(pieces):
            key = key_of(artifact, samples, how, data.layout, against_module)
            piece = Piece.read(kept / f"{key}.npz", scorer)
            if piece is None:
                done = sum(len(one) for one in pieces[:number])
                on_stage(f"image {done + 1} of {len(data.samples)}")
                piece = _scored(samples, artifact, how, judge, device, folder / str(number))
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


class _Judge:
    """What an image's output is held against: its label, or the fp32 module's choice for the same values."""

    def __init__(self, case: Case, spec: ModelSpec, data: DataSet, scorer: Scorer, against_module: bool) -> None:
        self.spec, self._data, self._scorer = spec, data, scorer
        self._module = None
        if against_module:
            from latency_bench.model_specs.building import build_module

            self._module = build_module(spec, None if case.weights is None else case.weights.path, case.seed)

    def label(self, sample: Sample, fed: Fed) -> Any:
        """Raises UnusableImageError."""
        if self._module is not None:
            import torch

            with torch.inference_mode():
                outputs = [{"": self._module(torch.from_numpy(values)).numpy()} for values in fed.values]
            return own_choice(fed.join(outputs), self.spec)
        if fed.label is not None:
            return fed.label
        if isinstance(sample.label, Path):
            stored = label_values(sample.label)
            return self._data.to_class(stored) if self._data.to_class else stored
        return np.asarray(sample.label)

    def row(self, output: Any, label: Any) -> Counts:
        return self._scorer.row(output, label)


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


def _scored(
    samples: Sequence[Sample], artifact: Artifact, how: Preparation, judge: _Judge, device: _OnDevice, folder: Path
) -> Piece:
    names: list[str] = []
    rows: list[Counts] = []
    skipped: list[tuple[str, str]] = []
    turned = 0
    for number, group in enumerate(_grouped(_made_ready(samples, how, judge, folder, skipped))):
        rows += _rows(group, artifact, judge, device, folder / f"outputs-{number}")
        names += [one.sample.name for one in group]
        turned += sum(is_turned(one.sample.image) for one in group)
        for one in group:
            for file in one.files:
                file.unlink()
    return Piece(tuple(names), np.array(rows) if rows else np.empty((0, 0)), tuple(skipped), turned)


def _made_ready(
    samples: Sequence[Sample], how: Preparation, judge: _Judge, folder: Path, skipped: list[tuple[str, str]]
) -> Iterator[_Ready]:
    """The samples that can be used; the others, with the reason, go to `skipped`."""
    tensor = judge.spec.inputs[0]
    for sample in samples:
        place = folder / hashlib.sha256(sample.name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        try:
            fed = feed(sample, judge.spec, how)
            label = judge.label(sample, fed)
        except UnusableImageError as error:
            skipped.append((sample.name, str(error)))
            continue
        written: dict[int, Path] = {}
        requests = []
        for number, values in enumerate(fed.values):
            if id(values) not in written:
                written[id(values)] = _written(place, number, tensor.name, carried_values(values, tensor))
            prompts = fed.prompts[number] if fed.prompts else {}
            files = {name: _written(place, number, name, array) for name, array in prompts.items()}
            requests.append({tensor.name: written[id(values)], **files})
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


def _rows(group: Sequence[_Ready], artifact: Artifact, judge: _Judge, device: _OnDevice, folder: Path) -> list[Counts]:
    """The counts of each sample, by one process on the device."""
    checks = {
        f"image{number}-{part}": _described(judge.spec, artifact, files)
        for number, one in enumerate(group)
        for part, files in enumerate(one.requests)
    }
    folder.mkdir(parents=True)
    written = device.outputs(checks, folder)
    rows = []
    for number, one in enumerate(group):
        own = [written[f"image{number}-{part}"] for part in range(len(one.requests))]
        outputs = [deployed_outputs(artifact, file) for file in own]
        rows.append(judge.row(one.fed.join(outputs), one.label))
        for file in own:
            file.unlink(missing_ok=True)
    return rows


def _described(spec: ModelSpec, artifact: Artifact, files: Mapping[str, Path]) -> list[dict[str, object]]:
    """The inputs of one request, each with the file of its values."""
    described = describe_inputs(spec, 1, INPUT_SEED, artifact.inputs[0].layout)
    return [{**one, "values": str(files[one["name"]])} for one in described]


def feed(sample: Sample, spec: ModelSpec, how: Preparation) -> Fed:
    """What a sample becomes on its way through a model. Raises UnusableImageError."""
    if spec.task == "super-resolution":
        return super_resolution.feed(sample, spec)
    if spec.task == "segment-anything":
        return prompted.feed(sample, spec, how)
    return whole(image_values(sample.image, spec.inputs[0], how))
