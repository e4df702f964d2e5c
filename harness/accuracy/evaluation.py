"""The artifact that is timed, run over images on the device, in pieces; each finished piece is kept, so that a kill
costs one of them.

One process on the device is given batches of images one after the other, outside of everything that is timed. While it
computes one, the next ones are made ready.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from latency_bench.devices.opening import open_device
from latency_bench.devices.runners.batch import Arrays, Batch, NoOutputsError
from latency_bench.harness.accuracy.coco_evaluation import CocoImage
from latency_bench.harness.accuracy.judging import Judge, Scored
from latency_bench.harness.accuracy.made_ready import Group, Ready, Unusable, groups, preparing_cpus
from latency_bench.harness.accuracy.pieces import Piece, key_of, pieces_of
from latency_bench.harness.accuracy.samples import DataSet, Sample
from latency_bench.harness.accuracy.scoring import scorer_of
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.case import Case, choose_cpus, shortest
from latency_bench.harness.case_artifact import artifact_of
from latency_bench.harness.device_locks import hold_device
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact
from latency_bench.harness.statistics.image_metrics import Counts
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

    @property
    def examples(self) -> dict[str, str]:
        """For each reason the first image that it made unusable."""
        return {reason: name for name, reason in reversed(self.skipped)}


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
    with open_device(case.device) as session:
        hold_device(lambda: session.lock(command), case.device.name, wait, on_stage)
        fingerprint = session.fingerprint()
        cpus = choose_cpus(case, session)
        artifact = artifact_of(case, session, on_stage)
        judge = Judge(case, subject, data, scorer, against_module)
        pieces = list(pieces_of(data.samples, subject.spec))

        def place_of(samples: Sequence[Sample]) -> Path:
            return kept / f"{key_of(artifact, samples, subject, data.layout, against_module)}.npz"

        places = [place_of(one) for one in pieces]
        done = [Piece.read(place, scorer) for place in places]
        missing = {number: pieces[number] for number, piece in enumerate(done) if piece is None}
        if missing:
            scoring = _Scoring(missing, places, place_of, judge, artifact, _Told(on_stage, pieces))
            job = replace(shortest(case.round_request(artifact, cpus)), throughput=None)
            deployment = session.deploy(artifact.path, artifact.sha256, artifact.external_data)
            made = groups(missing, judge, preparing_cpus(case.device, cpus), session.batch_bytes)
            with closing(made), closing(scoring.batches(made)) as batches:
                try:
                    session.answer(deployment, job, batches, scoring.take)
                except NoOutputsError as error:
                    raise UsageError(f"outputs cannot be had from this device: {error.message}") from None
                except KeyboardInterrupt:
                    kept_images = sum(len(one) for number, one in enumerate(pieces) if number not in scoring.left)
                    on_stage(f"{kept_images} of {len(data.samples)} images are done and kept; the same command goes on")
                    raise
            done = [scoring.finished.get(number, piece) for number, piece in enumerate(done)]
    return _joined([piece for piece in done if piece is not None], artifact, against_module, fingerprint)


def _joined(
    pieces: Sequence[Piece], artifact: Artifact, against_module: bool, fingerprint: dict[str, Any]
) -> Evaluated:
    counts = [piece.counts for piece in pieces if len(piece.counts)]
    skipped = tuple(one for piece in pieces for one in piece.skipped)
    if not counts:
        raise UsageError(f"none of the {len(skipped)} images could be used: {skipped[0][1]}")
    return Evaluated(
        artifact,
        tuple(name for piece in pieces for name in piece.names),
        np.concatenate(counts),
        skipped,
        sum(piece.turned for piece in pieces),
        against_module,
        fingerprint,
        tuple(one for piece in pieces for one in piece.coco_images),
    )


class _Told:
    """Says which image a piece begins with."""

    def __init__(self, on_stage: Callable[[str], None], pieces: Sequence[Sequence[Sample]]) -> None:
        self._on_stage, self._sizes = on_stage, [len(one) for one in pieces]

    def begins(self, piece: int) -> None:
        self._on_stage(f"image {sum(self._sizes[:piece]) + 1} of {sum(self._sizes)}")


@dataclass
class _Growing:
    """A piece of which not every image is scored yet."""

    names: list[str] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    turned: int = 0

    @property
    def size(self) -> int:
        """How many of its images are done with."""
        return len(self.names) + len(self.skipped)

    def finished(self) -> Piece:
        counts = np.array([one.counts for one in self.scored]) if self.scored else np.empty((0, 0))
        images = tuple(image for one in self.scored for image in one.coco_images)
        return Piece(tuple(self.names), counts, tuple(self.skipped), self.turned, images)


class _Scoring:
    """Groups on their way to the device, and what comes back of them. `missing`: pieces by number; `places`: files that
    keep them, by number; `place_of`: the same anew, as the images are then. `finished`: those of which every image is
    done with, which are kept from then on."""

    def __init__(
        self,
        missing: Mapping[int, Sequence[Sample]],
        places: Sequence[Path],
        place_of: Callable[[Sequence[Sample]], Path],
        judge: Judge,
        artifact: Artifact,
        told: _Told,
    ) -> None:
        self._missing, self._places, self._place_of = missing, places, place_of
        self._judge, self._artifact, self._told = judge, artifact, told
        self._sent: deque[Group] = deque()
        self._growing = _Growing()
        self.finished: dict[int, Piece] = {}
        self._told.begins(next(iter(missing)))

    @property
    def left(self) -> set[int]:
        """Pieces that are not finished."""
        return set(self._missing) - set(self.finished)

    def batches(self, made: Iterable[Group]) -> Generator[Batch, None, None]:
        """May be iterated in another thread than `take` is called in."""
        inputs = tuple(self._judge.subject.described(self._artifact))
        for group in made:
            # Without its arrays: they are needed only on the device.
            self._sent.append(replace(group, requests=()))
            yield Batch(inputs, group.requests)

    def take(self, answers: Iterator[Arrays]) -> None:
        """The outputs of the group that was sent first."""
        group = self._sent.popleft()
        for sample in group.samples:
            if isinstance(sample, Unusable):
                self._growing.skipped.append((sample.sample.name, sample.reason))
            else:
                self._score(sample, [next(answers) for _ in range(sample.requests)])
        if self._growing.size == len(self._missing[group.piece]):
            self._finish(group.piece)

    def _score(self, ready: Ready, answers: Sequence[Arrays]) -> None:
        outputs = [self._judge.subject.outputs(self._artifact, one) for one in answers]
        self._growing.names.append(ready.sample.name)
        self._growing.scored.append(self._judge.scored(ready.fed.join(outputs), ready.label))
        self._growing.turned += ready.turned

    def _finish(self, number: int) -> None:
        if self._place_of(self._missing[number]) != self._places[number]:
            # Else an image that is away for a moment would be left out for good.
            raise UsageError(
                "images or labels were changed or went away while they were scored; what was scored before is kept: "
                "give the same command once they are there, and nothing changes them"
            )
        piece = self.finished[number] = self._growing.finished()
        piece.write(self._places[number])
        self._growing = _Growing()
        if following := next((one for one in self._missing if one > number), None):
            self._told.begins(following)
