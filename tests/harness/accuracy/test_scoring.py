"""Counts and the metrics of their sums against the definitions, written out plainly, on random data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latency_bench.harness.accuracy.scoring import class_map, scorer_of
from latency_bench.harness.statistics.image_bootstrap import bootstrap, bootstrap_difference
from latency_bench.model_specs import load_spec


def test_top_one_and_top_five() -> None:
    random = np.random.RandomState(0)
    scorer = scorer_of(load_spec("b0-cls-r224"))
    logits, labels = random.standard_normal((300, 1, 1000)), random.randint(0, 1000, 300)
    logits[np.arange(300), 0, labels] += random.uniform(0, 6, 300)
    sums = sum(scorer.row(output, np.asarray(label)) for output, label in zip(logits, labels, strict=True))
    best = torch.from_numpy(logits[:, 0]).topk(5).indices.numpy()
    metrics = scorer.metrics(np.asarray(sums))
    assert metrics["top-1"] == pytest.approx(100 * (best[:, 0] == labels).mean())
    assert metrics["top-5"] == pytest.approx(100 * (best == labels[:, None]).any(1).mean())


def test_ties_go_to_the_lower_class() -> None:
    scorer = scorer_of(load_spec("b0-cls-r224"))
    assert scorer.row(np.zeros((1, 1000)), np.asarray(0)).tolist() == [1, 1, 1]
    assert scorer.row(np.zeros((1, 1000)), np.asarray(4)).tolist() == [1, 0, 1]
    assert scorer.row(np.zeros((1, 1000)), np.asarray(5)).tolist() == [1, 0, 0]


def test_intersection_over_union_over_all_images() -> None:
    random = np.random.RandomState(0)
    spec = load_spec("b0-seg")
    scorer, classes = scorer_of(spec), 19
    rows, chosen, wanted = [], [], []
    for _ in range(4):
        logits = random.standard_normal((1, classes, 8, 16)).astype(np.float32)
        label = random.randint(-1, classes - 3, (32, 64))
        rows.append(scorer.row(logits, label))
        chosen.append(class_map(logits, label.shape)[label >= 0])
        wanted.append(label[label >= 0])
    a, b = np.concatenate(chosen), np.concatenate(wanted)
    shares = [((a == one) & (b == one)).sum() / ((a == one) | (b == one)).sum() for one in range(classes)]
    metrics = scorer.metrics(np.sum(rows, axis=0))
    assert metrics["mIoU"] == pytest.approx(100 * np.mean(shares))
    assert metrics["pixel accuracy"] == pytest.approx(100 * (a == b).mean())


def test_an_image_that_is_right_everywhere_has_all_of_it() -> None:
    scorer = scorer_of(load_spec("b0-seg"))
    classes = np.arange(19).repeat(4).reshape(4, 19) % 19
    row = scorer.row(classes[None].astype(np.float32), classes)
    assert {name: float(value) for name, value in scorer.metrics(row).items()} == {"mIoU": 100, "pixel accuracy": 100}


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    scorer, random, held = scorer_of(load_spec("b0-cls-r224")), np.random.RandomState(0), 0
    for seed in range(100):
        right = random.uniform(size=250) < 0.7
        counts = np.stack([np.ones(250), right, right], axis=1).astype(float)
        top = bootstrap(counts, scorer.metrics, seed)["top-1"]
        held += top.low <= 70 <= top.high
    assert held >= 88, "95 % of 100, three standard deviations below"


def test_the_same_images_make_a_difference_sure() -> None:
    scorer, random = scorer_of(load_spec("b0-cls-r224")), np.random.RandomState(0)
    right = random.uniform(size=1000) < 0.7
    a = np.stack([np.ones(1000), right, right], axis=1).astype(float)
    b = a.copy()
    b[np.flatnonzero(right)[:20], 1:] = 0
    difference = bootstrap_difference(a, b, scorer.metrics)["top-1"]
    assert difference.value == pytest.approx(-2)
    assert difference.high < 0
    alone = bootstrap(a, scorer.metrics)["top-1"]
    assert difference.high - difference.low < (alone.high - alone.low) / 2
    with pytest.raises(ValueError, match="images"):
        bootstrap_difference(a, b[:-1], scorer.metrics)
