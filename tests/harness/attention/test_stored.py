"""What the store has already is what was measured under the same conditions, and nothing else."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from latency_bench.devices.device import Device
from latency_bench.harness.attention.stored import runs_of
from latency_bench.harness.case import Case
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.store.columns.registry import columns
from latency_bench.model_specs import load_spec

MODEL = "attn-sdpa-h2-d8-n64"


def case(**changes):
    fields = {
        "spec": load_spec(MODEL),
        "device": Device(name="local"),
        "protocol": load_protocol("quick"),
        "runtime": "torch",
        "rounds": 5,
        "threads": 1,
    }
    return Case(**{**fields, **changes})


def stored(**changes):
    row = dict.fromkeys(columns()) | {
        "status": "done",
        "device": "local",
        "runner": "worker",
        "model": MODEL,
        "height": 8,
        "width": 8,
        "batch": 1,
        "precision": "fp32",
        "runtime": "torch",
        "threads": 1,
        "runtime_options": json.dumps({"mode": "eager", "sdpa": "auto"}),
        "protocol": "quick",
        "rounds": 5,
    }
    return pd.DataFrame([row | changes], columns=list(columns()))


def test_the_same_conditions_are_an_answer():
    assert len(runs_of(stored(), case())) == 1
    assert len(runs_of(stored(status="unstable", rounds=9), case())) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "phone"},
        {"model": "attn-softmax-h2-d8-n64"},
        {"height": 4, "width": 16},
        {"batch": 2},
        {"precision": "fp16"},
        {"runtime": "litert"},
        {"threads": 2},
        {"protocol": "standard"},
        {"rounds": 4},
        {"runtime_options": json.dumps({"mode": "eager", "sdpa": "flash"})},
        {"status": "failed", "rounds": None, "failure_kind": "runtime-failed"},
    ],
)
def test_anything_else_is_none(changes):
    assert runs_of(stored(**changes), case()).empty


def test_options_that_were_asked_for_have_to_have_been_used():
    flash = case(runtime_options={"sdpa": "flash"})
    assert runs_of(stored(), flash).empty
    assert len(runs_of(stored(runtime_options=json.dumps({"mode": "eager", "sdpa": "flash"})), flash)) == 1


@pytest.mark.parametrize("kind", ["too-large", "out-of-memory"])
def test_that_it_does_not_fit_is_an_answer(kind):
    does_not_fit = stored(status="failed", rounds=None, failure_kind=kind, runtime_options="{}", protocol="standard")
    assert len(runs_of(does_not_fit, case())) == 1


def test_an_empty_store_has_none():
    assert runs_of(stored().head(0), case()).empty
