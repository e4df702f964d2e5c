"""What others published: found by any name, small in the package, and in words that the data bear."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latency_bench.model_specs.errors import UnknownModelError
from latency_bench.reports.atlas.looking_up import of_kind, runs_of, timm_name
from latency_bench.reports.atlas.plausibility import plausibility
from latency_bench.reports.atlas.published_run import FILE, published_runs, write_runs
from latency_bench.reports.atlas.relation import LEAST_MODELS, relation

MakeRun = Callable[..., dict[str, Any]]


def test_the_file_is_small_and_every_row_has_a_number_and_a_source() -> None:
    assert FILE.stat().st_size < 1_000_000
    runs = published_runs()
    assert len(runs) > 8000
    assert all(run.source and run.device and (run.latency_ms or run.img_s) for run in runs)
    assert {run.confidence for run in runs} <= set("ABCD")
    assert {run.kind for run in runs} == {"phone", "board", "gpu", "cpu", "other"}


def test_the_same_rows_give_the_same_file(tmp_path: Path) -> None:
    write_runs(published_runs(), tmp_path / "again.csv.xz")
    assert (tmp_path / "again.csv.xz").read_bytes() == FILE.read_bytes()


@pytest.mark.parametrize(
    ("model", "device", "part"),
    [
        ("timm:mobilenetv2_100", "iPhone 13", "Core ML"),
        ("convnext-t-r224", "gpu", "GeForce"),
        ("b1-seg", "Orin", "TensorRT"),
        ("MobileNet-v2", "phone", "Galaxy"),
        ("efficientnetv2-s-r384", "A100", "TensorRT"),
    ],
)
def test_a_model_is_found_by_any_name(model: str, device: str, part: str) -> None:
    found = of_kind(runs_of(model), device)
    assert found
    assert any(part in f"{run.device} {run.runtime}" for run in found)


def test_another_data_set_and_another_size_are_not_the_model() -> None:
    assert {run.resolution for run in runs_of("b1-seg")} == {"1024x2048"}
    assert {run.resolution for run in runs_of("b1-cls-r224")} <= {"224x224", ""}


def test_a_name_without_anything_is_told_the_nearest() -> None:
    with pytest.raises(UnknownModelError, match=r"did you mean .*mobilenet"):
        runs_of("mobilenet_v2x")


def test_a_relation_holds_the_ratio_that_it_was_made_with() -> None:
    random = np.random.default_rng(1)
    published = {str(model): float(ms) for model, ms in enumerate(random.uniform(1, 50, 30))}
    own = {model: 3 * ms * math.exp(0.1 * random.standard_normal()) for model, ms in published.items()}
    found = relation(own, published)
    assert found is not None
    assert found.low < 3 < found.high
    inside = sum(found.least <= own[model] / published[model] <= found.most for model in own)
    assert inside >= 27
    assert found.excess(6.0) == pytest.approx(2, rel=0.1)
    assert found.excess(3.0) == 1.0
    assert relation(dict(list(own.items())[: LEAST_MODELS - 1]), published) is None


def _own_runs(make_run: MakeRun, factor: float, changed: dict[str, float]) -> dict[tuple[str, str], dict[str, Any]]:
    """Runs on a CPU that takes `factor` times what is published of a phone's CPU; of some models more."""
    rows = {}
    for model in ("b1-cls-r224", "convnext-t-r224", "convnext-s-r224", "convnext-b-r224", "swin-b-r224",
                  "efficientnetv2-s-r384", "coatnet-0-r224"):  # fmt: skip
        ms = next(
            (run.ms for run in runs_of(model) if run.kind == "cpu" and "i9-10940X" in run.device and run.ms), None
        )
        if ms is not None:
            row = make_run(model, [factor * changed.get(model, 1.0) * ms] * 3)
            rows[model, f"{row['height']:g}x{row['width']:g}"] = row
    return rows


def test_a_run_is_placed_among_published_ones(make_run: MakeRun) -> None:
    own = _own_runs(make_run, 4.0, {})
    assert len(own) > LEAST_MODELS
    run = own["convnext-t-r224", "224x224"]
    usual = plausibility(run, own)
    assert usual.excess == 1.0
    assert f"on {len(own) - 1} common models" in usual.words
    assert "lies within" in usual.words
    slow = _own_runs(make_run, 4.0, {"convnext-t-r224": 9.0})
    odd = plausibility(slow["convnext-t-r224", "224x224"], slow)
    assert odd.excess is not None
    assert odd.excess > 4
    assert "times slower than that relation predicts: check threads" in odd.words


def test_too_few_common_models_are_not_made_a_relation_of(make_run: MakeRun) -> None:
    row = make_run("b1-cls-r224", [20.0] * 3)
    place = plausibility(row, {("b1-cls-r224", "224x224"): row})
    assert place.relation is None
    assert "too few common models" in place.words or "too little is published" in place.words


def test_timm_names_of_models_of_the_catalog() -> None:
    assert timm_name("convnext-t-r224") == "convnext_tiny"
    assert timm_name("timm-mobilenetv2_100.ra_in1k") == "mobilenetv2_100"
    assert timm_name("attn-softmax-module-h8-d16-n256") is None


def test_the_command(bench: Callable[..., Any], tmp_path: Path) -> None:
    done = bench("published", "timm:mobilenetv2_100", "--device", "phone", "--json", "--store", str(tmp_path))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["own"] == []
    assert {run["kind"] for run in document["published"]} == {"phone"}
    assert any(run["device"] == "iPhone 13" and run["latency_ms"] == 0.73 for run in document["published"])
    words = bench("published", "b1-seg", "--store", str(tmp_path))
    assert "Jetson AGX Orin" in words.stdout
    assert "You have no run of it" in words.stdout
