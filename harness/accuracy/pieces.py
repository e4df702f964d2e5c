"""Pieces of an evaluation: how many images go into one, and the file that keeps what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.accuracy.coco_evaluation import CocoImage
from latency_bench.harness.accuracy.samples import Sample
from latency_bench.harness.accuracy.scoring import Scorer
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.array_file import named_arrays
from latency_bench.harness.statistics.image_metrics import Counts
from latency_bench.model_specs.spec import ModelSpec

_PIECE_BYTES = 256 << 20
"""Of inputs, about: what a kill costs at most."""
_MOST_IN_A_PIECE = 500


@dataclass(frozen=True)
class Piece:
    """As `Evaluated` has it, of some of the images."""

    names: tuple[str, ...]
    counts: Counts
    skipped: tuple[tuple[str, str], ...]
    turned: int
    coco_images: tuple[CocoImage, ...] = ()
    """In the order of `names`; empty where the task has no average precision."""

    @classmethod
    def read(cls, path: Path, scorer: Scorer) -> Piece | None:
        """None for one that is not there, or was cut off."""
        try:
            stored = named_arrays(path)
            about, counts = json.loads(str(stored["about"])), np.asarray(stored["counts"], dtype=np.float64)
        except (ValueError, KeyError):
            return None
        images = tuple(map(_coco_image, about.get("coco_images", ())))
        if len(images) != (0 if scorer.coco_image is None else len(about["names"])):
            return None
        if counts.ndim != 2 or counts.shape != (len(about["names"]), len(scorer.columns)):
            return None
        skipped = tuple((name, why) for name, why in about["skipped"])
        return cls(tuple(about["names"]), counts, skipped, about["turned"], images)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        images = [asdict(one) for one in self.coco_images]
        about = json.dumps({"names": self.names, "skipped": self.skipped, "turned": self.turned, "coco_images": images})
        # Beside its place first: two evaluations may finish the same piece, and a disk may be full.
        with TemporaryFolder("piece", path.parent) as folder:
            np.savez(folder / path.name, counts=self.counts, about=np.array(about))
            (folder / path.name).replace(path)


def _coco_image(stored: dict[str, Any]) -> CocoImage:
    return CocoImage(stored["height"], stored["width"], tuple(stored["annotations"]), tuple(stored["results"]))


def pieces_of(samples: Sequence[Sample], spec: ModelSpec) -> Iterator[Sequence[Sample]]:
    """The samples of each piece, in their order."""
    size = 4 * int(np.prod(spec.inputs[0].shape))
    count = max(1, min(_MOST_IN_A_PIECE, _PIECE_BYTES // size))
    for start in range(0, len(samples), count):
        yield samples[start : start + count]


def key_of(artifact: Artifact, samples: Sequence[Sample], subject: Subject, layout: str, against_module: bool) -> str:
    """Of everything that the scores of a piece depend on; images are told by name, size and time of change."""
    seen = [artifact.content_sha256 or artifact.sha256, subject.how.model_dump_json(), layout, str(against_module)]
    seen += [subject.spec.task, str(subject.spec.inputs), str(subject.spec.outputs)]
    for sample in samples:
        for path in (sample.image, *((sample.label,) if isinstance(sample.label, Path) else ())):
            seen.append(f"{path} {_state(path)}")
        seen.append("" if isinstance(sample.label, Path) else str(sample.label))
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()


def _state(path: Path) -> str:
    """Changes with the file's content, as far as can be told without reading it."""
    try:
        stated = path.stat()
    except OSError:
        return "missing"
    return f"{stated.st_size} {stated.st_mtime_ns}"
