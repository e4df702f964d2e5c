"""Parameters and MACs: every EfficientViT spec within 3 % of what is published, or it says why not."""

from __future__ import annotations

import csv

import pytest
import torch
from breadth import one_of_each_kind
from torch import nn

from latency_bench.model_specs import ModelSpec, SpecError, list_specs, load_spec
from latency_bench.model_specs.counting import Counts, count
from latency_bench.model_specs.known_counts import FILE, known_counts
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.papers.published_counts import published_counts

PAPER = default_paper()
TOLERANCE = 0.03
OURS = [spec for spec in list_specs() if spec.builder.startswith("efficientvit.")]


@pytest.mark.parametrize("spec", one_of_each_kind(OURS, kind=lambda spec: (spec.builder, spec.task, spec.id[:2])))
def test_counts_are_the_published_ones_or_the_spec_says_why_not(spec: ModelSpec) -> None:
    published = published_counts(PAPER, spec.id)
    if published is None and spec.published_counts is not None:
        published = (spec.published_counts.params_m, spec.published_counts.macs_g)
    if published is None:
        assert spec.note or spec.provenance.design == "ours", f"{spec.id} has no published figure and gives no reason"
        return
    counts = count(spec)
    assert known_counts(spec.id) == counts, "run `python scripts/zoo_table.py`"
    measured = (counts.params / 1e6, counts.macs / 1e9)
    reasons = (spec.deviation.params, spec.deviation.macs)
    for name, ours, theirs, reason in zip(("params", "macs"), measured, published, reasons, strict=True):
        if theirs is None:
            continue
        within = abs(ours / theirs - 1) <= TOLERANCE
        assert within or reason, f"{spec.id}: {name} {ours:.3f}, published {theirs}, and no reason given"


def test_counts_are_known_beforehand_of_every_model_that_ships_and_of_no_other() -> None:
    with FILE.open() as lines:
        assert [row["id"] for row in csv.DictReader(lines)] == [spec.id for spec in list_specs()]
    assert known_counts("timm:resnet18") is None


def test_every_row_of_the_paper_for_our_models_has_a_spec() -> None:
    # The whole SAM models have a family of their own, beside SAM-ViT-H; ours are their image encoders.
    for table in PAPER.tables:
        for part in table.parts if table.id != "1" else ():
            assert all(part.model_of(row) is not None for row in table.rows if PAPER.is_own(row.name))


class Net(nn.Module):
    """Counted by hand in the test below; the names give submodules something to be called by."""

    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        tokens = y.flatten(2).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
        out: torch.Tensor = self.head(nn.functional.gelu(mixed))
        return out


def test_convolutions_linear_layers_and_both_products_of_attention_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latency_bench.model_specs.architectures.find_builder", lambda name: {"net": Net}[name])
    spec = load_spec("b0-seg").at((32, 32)).model_copy(update={"builder": "net", "arguments": {"classes": 7}})
    tokens = 16 * 16
    convolution, attention, head = tokens * 8 * 3 * 9, 2 * tokens * tokens * 8, tokens * 8 * 7
    assert count(spec) == Counts(params=8 * 27 + 16 + 8 * 7 + 7, macs=convolution + attention + head)

    as_published = spec.counting.model_copy(update={"arguments": {"classes": 9}, "macs_of": "body"})
    assert count(spec.model_copy(update={"counting": as_published})) == Counts(
        params=8 * 27 + 16 + 8 * 9 + 9, macs=convolution
    )
    nowhere = spec.counting.model_copy(update={"macs_of": "tail"})
    with pytest.raises(SpecError, match=r"b0-seg: counting.macs_of names 'tail'"):
        count(spec.model_copy(update={"counting": nowhere}))


def test_softmax_costs_more_and_weighs_the_same() -> None:
    relu, softmax = count(load_spec("b0-seg")), count(load_spec("b0-seg-softmax"))
    assert softmax.params == relu.params
    assert softmax.macs > 5 * relu.macs
