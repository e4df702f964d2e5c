"""What each of the paper's claims compares, in our models' ids."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import latency_bench.reports.published

Quantity = Literal["latency", "throughput", "macs", "attention"]


@dataclass(frozen=True)
class Subject:
    """Two models and what is compared; no models for the attention of Figure 4, which is no model."""

    quantity: Quantity
    baseline: str = ""
    candidate: str = ""
    table: int | None = None
    """Where the paper prints the figures behind the claim."""
    column: str = ""
    """Which ones."""


@dataclass(frozen=True)
class Claim:
    """One row of the published claims."""

    text: str
    value: str
    """The factor as printed: `13.9`, or a range, `3.3-4.5`; `>1` or `>=1` where the paper claims a direction alone."""
    where: str
    """In the paper."""
    baseline: str
    candidate: str
    quantity: str
    """Of what, and on which device, in words."""
    subject: Subject


SUBJECTS: Mapping[str, Subject] = {
    "GPU latency reduction over SegFormer on Cityscapes": Subject(
        "latency", "segformer-b5", "l1-seg", 3, "orin_ms_bs1"
    ),
    "GPU latency reduction over SegNeXt on Cityscapes": Subject("latency", "segnext-l", "l2-seg", 3, "orin_ms_bs1"),
    "Super-resolution speed-up over Restormer": Subject(
        "latency", "restormer-ffhq", "sr-w0.75-ffhq", 5, "ffhq_a100_ms_bs1"
    ),
    "Throughput over SAM-ViT-H": Subject("throughput", "sam-vit-h", "sam-l2-box", 6, "a100_img_per_s"),
    "ReLU linear attention over softmax attention": Subject("attention"),
    "Throughput over EfficientNetV2-L": Subject(
        "throughput", "efficientnetv2-l-r480", "l2-cls-r384", 2, "a100_img_per_s"
    ),
    "MACs saving over SegFormer on Cityscapes": Subject("macs", "segformer-b3", "b2-seg", 3, "macs_g"),
    "Edge GPU latency reduction over SegFormer with higher mIoU": Subject(
        "latency", "segformer-b3", "b2-seg", 3, "orin_ms_bs1"
    ),
    "MACs reduction over SegNeXt": Subject("macs", "segnext-t", "b1-seg", 3, "macs_g"),
    "Edge GPU speed-up over SegNeXt": Subject("latency", "segnext-t", "b1-seg", 3, "orin_ms_bs1"),
    "A100 throughput over SegNeXt": Subject("throughput", "segnext-l", "l2-seg", 3, "a100_img_per_s"),
    "A100 throughput over SegFormer": Subject("throughput", "segformer-b5", "l1-seg", 3, "a100_img_per_s"),
    "Fewer MACs than SegFormer-B1 on Cityscapes with higher mIoU": Subject(
        "macs", "segformer-b1", "b3-seg", 3, "macs_g"
    ),
    "MACs reduction over SegFormer-B1 on ADE20K": Subject("macs", "segformer-b1-ade20k", "b1-seg-ade20k", 4, "macs_g"),
    "GPU latency reduction over SegFormer-B1 on ADE20K": Subject(
        "latency", "segformer-b1-ade20k", "b1-seg-ade20k", 4, "nano_ms_bs1"
    ),
    "MACs reduction over SegNeXt-S on ADE20K": Subject("macs", "segnext-s-ade20k", "b2-seg-ade20k", 4, "macs_g"),
    "Speed over SegNeXt-S on ADE20K": Subject("latency", "segnext-s-ade20k", "b2-seg-ade20k", 4, "orin_ms_bs1"),
    "Super-resolution at the same or lower latency than the CNNs on BSD100": Subject(
        "latency", "bsrn-bsd100", "sr-w1.0-bsd100", 5, "bsd100_a100_ms_bs1"
    ),
    "Super-resolution speed-up on BSD100": Subject(
        "latency", "restormer-bsd100", "sr-w0.75-bsd100", 5, "bsd100_a100_ms_bs1"
    ),
    "Throughput of XL1 over SAM-ViT-H": Subject("throughput", "sam-vit-h", "sam-xl1-box", 6, "a100_img_per_s"),
}


@cache
def claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the paper."""
    with (Path(latency_bench.reports.published.__file__).parent / "claims.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        return tuple(
            Claim(
                text=row["claim"],
                value=row["value"],
                where=row["where"],
                baseline=row["baseline"],
                candidate=row["candidate"],
                quantity=row["quantity"],
                subject=SUBJECTS[row["claim"]],
            )
            for row in csv.DictReader(file)
        )
