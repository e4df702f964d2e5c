"""Which model it was, at which size."""

from __future__ import annotations

import json
import math
from typing import Any

from latency_bench.harness.identity.dataset_names import dataset_name
from latency_bench.harness.store.columns.column import Column


def _accuracy(stated: Any) -> str | None:
    """Of a spec; None where it states none."""
    known = {
        str(metric): value
        for metric, value in (stated.items() if isinstance(stated, dict) else ())
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }
    return json.dumps(known, sort_keys=True) if known else None


SUBJECT = (
    Column("model", "Id of the model's spec.", "text", ("model.id",)),
    Column("title", "Name of the model for people.", "text", ("model.title",), title="name"),
    Column("family", "Family of the model.", "text", ("model.spec.family",)),
    Column("task", "classification, segmentation, ...", "text", ("model.spec.task",)),
    Column(
        "dataset",
        "Data set that the model is for; null if none.",
        "text",
        ("model.spec.dataset",),
        dataset_name,
        title="data set",
    ),
    Column(
        "height",
        "Height of the first input, pixels.",
        "integer",
        ("model.resolution",),
        lambda size: size[0],
        unit="px",
    ),
    Column(
        "width", "Width of the first input, pixels.", "integer", ("model.resolution",), lambda size: size[1], unit="px"
    ),
    Column("batch", "Images per request.", "integer", ("model.batch",)),
    Column(
        "inputs",
        "Of a file of the user's: the sizes and values that were given to its inputs; of a model, the type that its "
        "images were fed as (`uint8`, `float16`); null where nothing was said.",
        "text",
        ("model.inputs",),
    ),
    Column(
        "pipeline",
        "The library with which every request decoded and prepared a photograph (`pillow`, `opencv`); null where a "
        "request is the network's alone.",
        "text",
        ("model.pipeline",),
    ),
    Column("precision", "Number format that was asked for: fp32, fp16, ...", "text", ("model.precision",)),
    Column("output", "Of dense predictions: logits, argmax or full; null for others.", "text", ("model.output",)),
    Column(
        "seeded",
        "Whether the weights were drawn from a seed rather than read from a checkpoint.",
        "truth",
        ("model.weights.sha256",),
        lambda sha256: sha256 is None,
        title="weights from a seed",
    ),
    Column(
        "accuracy",
        "What its spec says that it reaches, as JSON: value by metric; null where it says nothing.",
        "text",
        ("model.spec.accuracy",),
        _accuracy,
    ),
)

SIZE = (
    Column(
        "params",
        "Number of parameters.",
        "integer",
        ("model.params",),
        title="parameters",
        in_thousands=True,
        better="lower",
        exact=True,
    ),
    Column(
        "macs",
        "Multiply-accumulates of one image at this resolution.",
        "integer",
        ("model.macs",),
        title="MACs an image",
        in_thousands=True,
        better="lower",
        exact=True,
    ),
)
