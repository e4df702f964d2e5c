"""Pieces of an evaluation: how many images go into one, and the file that keeps what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latency_bench.harness.accuracy.samples import Sample
from latency_bench.harness.accuracy.scoring import Scorer
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.array_file import named_arrays
from latency_bench.harness.statistics.image_metrics import Counts
from latency_bench.model_specs.preparation import Preparation
from latency_bench.model_specs.spec import ModelSpec

PIECE_BYTES = 256 << 20
"""Of inputs, which lie on the disk of the device at once."""
_MOST_IN_A_PIECE = 500


@dataclass(frozen=True)
class Piece:
    """As `Evaluated` has it, of some of the images."""

    names: tuple[str, ...]
    counts: Counts
    skipped: tuple[tuple[str, str], ...]
    turned: int

    @classmethod
    def read(cls, path: Path, scorer: Scorer) -> Piece | None:
        """None for one that is not there, or was cut off."""
        try:
            stored = named_arrays(path)
            about, counts = json.loads(str(stored["about"])), np.asarray(stored["counts"], dtype=np.float64)
        except (ValueError, KeyError):
            return None
        if counts.ndim != 2 or counts.shape != (len(about["names"]), len(scorer.columns)):
            return None
        return cls(tuple(about["names"]), counts, tuple((name, why) for name, why in about["skipped"]), about["turned"])

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        about = json.dumps({"names": self.names, "skipped": self.skipped, "turned": self.turned})
        with partial.open("wb") as file:
            np.savez(file, counts=self.counts, about=np.array(about))
        partial.replace(path)


def pieces_of(samples: Sequence[Sample], spec: ModelSpec) -> Iterator[Sequence[Sample]]:
    """The samples of each piece, in their order."""
    size = 4 * int(np.prod(spec.inputs[0].shape))
    count = max(1, min(_MOST_IN_A_PIECE, PIECE_BYTES // size))
    for start in range(0, len(samples), count):
        yield samples[start : start + count]


def key_of(artifact: Artifact, samples: Sequence[Sample], how: Preparation, layout: str, against_module: bool) -> str:
    """Of everything that the scores of a piece depend on; images are told by name, size and time of change."""
    seen = [artifact.content_sha256 or artifact.sha256, how.model_dump_json(), layout, str(against_module)]
    for sample in samples:
        for path in (sample.image, *((sample.label,) if isinstance(sample.label, Path) else ())):
            stated = path.stat() if path.is_file() else None
            seen.append(f"{path} {stated.st_size} {stated.st_mtime_ns}" if stated else f"{path} missing")
        seen.append("" if isinstance(sample.label, Path) else str(sample.label))
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()
