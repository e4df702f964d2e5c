"""The paper's tables: which columns they print, which of our models are their rows, where their groups end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from latency_bench.model_specs.spec import ModelSpec
from latency_bench.reports.published.tables import table

SUBJECT = "EfficientViT"
"""The paper's own models stand at the end of each of its groups."""


@dataclass(frozen=True)
class PublishedColumn:
    """A column of a published CSV as it is shown."""

    name: str
    title: str


@dataclass(frozen=True)
class Variant:
    """What is measured of a row: most tables have one, Table 5 has one for each data set.

    `latency` and `throughput` name the published column by the device it was measured on: nano, orin or a100.
    """

    key: str = ""
    title: str = ""
    dataset: str | None = None
    latency: Mapping[str, str] = field(default_factory=dict)
    throughput: Mapping[str, str] = field(default_factory=dict)
    lead: str = ""
    """Published column that speed-ups are quoted from."""
    by_throughput: bool = False
    """The paper compares these models by throughput alone."""


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper. Without variants nothing in it can be measured here."""

    number: int
    title: str
    columns: tuple[PublishedColumn, ...]
    variants: tuple[Variant, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    """Ids of models for rows that no spec names as its own."""
    remarks: tuple[str, ...] = ()


def _accuracy(**titles: str) -> tuple[PublishedColumn, ...]:
    return tuple(PublishedColumn(name, title) for name, title in titles.items())


_COUNTS = (PublishedColumn("params_m", "params, M"), PublishedColumn("macs_g", "MACs, G"))
_JETSONS = (PublishedColumn("nano_ms_bs1", "Nano, ms"), PublishedColumn("orin_ms_bs1", "Orin, ms"))
_A100 = (PublishedColumn("a100_img_per_s", "A100, img/s"),)
_THREE_DEVICES = Variant(
    latency={"nano": "nano_ms_bs1", "orin": "orin_ms_bs1"}, throughput={"a100": "a100_img_per_s"}, lead="orin_ms_bs1"
)

PAPER_TABLES: Mapping[int, PaperTable] = {
    one.number: one
    for one in (
        PaperTable(
            1,
            "Ablation on Cityscapes, 1024×2048",
            (
                PublishedColumn("multi_scale", "multi-scale"),
                PublishedColumn("global_attention", "global attention"),
                *_accuracy(miou="mIoU"),
                *_COUNTS,
            ),
            (Variant(),),
            models={"both": "b0-seg", "global attention only": "b0-seg-single-scale"},
            remarks=(
                "The paper rescales the widths of these networks to equal MACs and does not publish them. Measured are "
                "EfficientViT-B0 and the same network without its multi-scale branch, which has fewer MACs than the "
                "paper's row; the other rows have no published network.",
            ),
        ),
        PaperTable(
            2,
            "Classification on ImageNet",
            (
                PublishedColumn("resolution", "input"),
                *_accuracy(top1="top-1", top5="top-5"),
                *_COUNTS,
                *_JETSONS,
                *_A100,
            ),
            (_THREE_DEVICES,),
            remarks=("The paper does not state the batch of its throughput.",),
        ),
        PaperTable(
            3,
            "Semantic segmentation on Cityscapes, 1024×2048",
            (*_accuracy(miou="mIoU"), *_COUNTS, *_JETSONS, *_A100),
            (_THREE_DEVICES,),
        ),
        PaperTable(
            4,
            "Semantic segmentation on ADE20K, 512×512",
            (*_accuracy(miou="mIoU"), *_COUNTS, *_JETSONS, *_A100),
            (_THREE_DEVICES,),
        ),
        PaperTable(
            5,
            "Super-resolution ×2",
            (
                *_accuracy(ffhq_psnr="FFHQ PSNR", ffhq_ssim="FFHQ SSIM"),
                PublishedColumn("ffhq_a100_ms_bs1", "FFHQ A100, ms"),
                *_accuracy(bsd100_psnr="BSD100 PSNR", bsd100_ssim="BSD100 SSIM"),
                PublishedColumn("bsd100_a100_ms_bs1", "BSD100 A100, ms"),
            ),
            (
                Variant("ffhq", "FFHQ 512×512", "FFHQ", {"a100": "ffhq_a100_ms_bs1"}, lead="ffhq_a100_ms_bs1"),
                Variant(
                    "bsd100", "BSD100 160×240", "BSD100", {"a100": "bsd100_a100_ms_bs1"}, lead="bsd100_a100_ms_bs1"
                ),
            ),
            remarks=(
                "The authors publish no super-resolution network: EfficientViT's rows are our design after the paper's "
                "words.",
            ),
        ),
        PaperTable(
            6,
            "Segment anything, prompted with one box: image encoder and head",
            (
                PublishedColumn("resolution", "input"),
                *_COUNTS,
                *_A100,
                *_accuracy(coco_map="COCO mAP", lvis_map="LVIS mAP"),
            ),
            (Variant(throughput={"a100": "a100_img_per_s"}, lead="a100_img_per_s", by_throughput=True),),
        ),
        PaperTable(
            7,
            "Segment anything, prompted with points: accuracy alone, as published",
            _accuracy(
                coco_1click="COCO 1 click",
                coco_3click="COCO 3 clicks",
                coco_5click="COCO 5 clicks",
                lvis_1click="LVIS 1 click",
                lvis_3click="LVIS 3 clicks",
                lvis_5click="LVIS 5 clicks",
            ),
        ),
    )
}


def groups(number: int) -> list[list[dict[str, str]]]:
    """The rows of a table in the paper's groups: what others made, then the paper's models that compare with it."""
    found: list[list[dict[str, str]]] = []
    after_subject = True
    for row in table(number):
        is_subject = row["model"].startswith(SUBJECT)
        if (after_subject and not is_subject) or not found:
            found.append([])
        found[-1].append(row)
        after_subject = is_subject
    return found


def model_of(paper: PaperTable, row: Mapping[str, str], variant: Variant) -> ModelSpec | None:
    """The spec that is a row of the table; None where nobody published such a network."""
    if (named := paper.models.get(row["model"])) is not None:
        from latency_bench.model_specs.catalog import load_spec

        return load_spec(named)
    for spec, resolution in _specs_of().get((paper.number, row["model"]), ()):
        if resolution in (None, row.get("resolution")) and variant.dataset in (None, spec.dataset):
            return spec
    return None


@cache
def _specs_of() -> dict[tuple[int, str], list[tuple[ModelSpec, str | None]]]:
    from latency_bench.model_specs.catalog import list_specs

    found: dict[tuple[int, str], list[tuple[ModelSpec, str | None]]] = {}
    for spec in list_specs():
        for row in spec.published:
            resolution = None if row.resolution is None else str(row.resolution)
            found.setdefault((row.table, row.model), []).append((spec, resolution))
    return found
