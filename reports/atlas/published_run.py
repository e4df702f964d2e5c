"""One published measurement, and the file that has all of them."""

from __future__ import annotations

import csv
import io
import lzma
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "published.csv.xz"
MOST_BYTES = 64_000_000
"""Of the text. The file ships with the program; a damaged one must not fill the memory."""


@dataclass(frozen=True)
class PublishedRun:
    """What somebody measured, as printed; empty where the source does not say.

    `latency_ms` is of a request of `batch` images, `img_s` images a second.
    """

    model: str
    timm: str
    """The name that timm has for the network."""
    dataset: str
    resolution: str
    """HEIGHTxWIDTH."""
    batch: int | None
    device: str
    kind: str
    """phone, board, gpu, cpu or other."""
    unit: str
    """Which part of the device computed, where that is told."""
    runtime: str
    precision: str
    latency_ms: float | None
    img_s: float | None
    macs_g: float | None
    """10^9 multiply-accumulates of an image, as the source counts them."""
    contains: str
    """What is inside the time, as far as it is known."""
    layers: str
    """How many layers which unit computed, e.g. `104 NPU, 2 CPU`."""
    confidence: str
    """A to D (reports/papers/paper_file.py)."""
    source: str

    @property
    def ms(self) -> float | None:
        """Milliseconds of one image at batch 1; None where the source has no latency at batch 1."""
        if self.batch not in (None, 1):
            return None
        if self.latency_ms is not None:
            return self.latency_ms
        # A throughput without a batch may be of any.
        return 1e3 / self.img_s if self.img_s and self.batch == 1 else None

    @property
    def ms_per_image(self) -> float | None:
        """Of a batch of many images, or of one that is not told; None for a latency at batch 1."""
        if self.batch == 1:
            return None
        return 1e3 / self.img_s if self.img_s else None

    @property
    def platform(self) -> str:
        """Device, what computed, runtime and precision: measurements that may be set beside each other."""
        words = (self.device, self.unit, self.runtime, self.precision)
        return ", ".join(dict.fromkeys(word for word in words if word))


COLUMNS = tuple(field.name for field in fields(PublishedRun))


@cache
def published_runs() -> tuple[PublishedRun, ...]:
    """All of them, in the order of the file. Raises OSError where the file is damaged."""
    try:
        with lzma.open(FILE) as file:
            text = file.read(MOST_BYTES)
    except lzma.LZMAError as error:
        raise OSError(f"{FILE} is damaged ({error}); install the package again") from None
    rows = csv.reader(io.StringIO(text.decode("utf-8"), newline=""))
    header = next(rows)
    assert tuple(header) == COLUMNS, "the atlas was made by another version of scripts/build_atlas.py"
    return tuple(_run(cells) for cells in rows)


def write_runs(runs: Iterable[PublishedRun], path: Path = FILE) -> None:
    """The same file for the same runs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in runs:
        writer.writerow(["" if (value := getattr(run, name)) is None else value for name in COLUMNS])
    path.write_bytes(lzma.compress(out.getvalue().encode("utf-8"), preset=9 | lzma.PRESET_EXTREME))


def _run(cells: list[str]) -> PublishedRun:
    (model, timm, dataset, size, batch, device, kind, unit, runtime, precision, latency, img_s, macs, *rest) = cells
    return PublishedRun(
        model,
        timm,
        dataset,
        size,
        int(batch) if batch else None,
        device,
        kind,
        unit,
        runtime,
        precision,
        float(latency) if latency else None,
        float(img_s) if img_s else None,
        float(macs) if macs else None,
        *rest,
    )
