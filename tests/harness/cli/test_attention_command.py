"""`bench attention` from the command line to tables and figures, on the torch runtime, whose exports are quickest.

The tests share their few shapes, so that each is exported once.
"""

from __future__ import annotations

import json
import re

import pytest

FAST = "\n".join(
    [
        "name: fast",
        "rounds: 1",
        "campaign_rounds: 1",
        "warmup: {min_count: 2, max_count: 5, min_s: 0.01, max_s: 0.3, window: 0}",
        "sampling: {min_count: 5, max_count: 10, min_s: 0.01, max_s: 2, relative_interval: null}",
    ]
)
TINY = ("--heads", "8", "--head-dim", "8", "--runtime", "torch", "--threads", "1")


@pytest.fixture
def attention(bench, tmp_path):
    protocol = tmp_path / "fast.yaml"
    protocol.write_text(FAST)

    def run(*words, pairs=("--no-pairs",)):
        return bench("attention", *words, *pairs, "--protocol", str(protocol), "--rounds", "2")

    return run


# Many commands, of which each takes its seconds to start on a busy computer.
@pytest.mark.timeout(1200)
def test_measured_once_then_analysed_from_the_store(attention, bench, tmp_path):
    # Pairs start many processes, and those of ONNX Runtime start quickly.
    words = (
        *TINY,
        "--runtime",
        "onnxruntime",
        "--tokens",
        "4x16",
        "--form",
        "relu-linear",
        "--form",
        "softmax",
        "--json",
    )
    pairs = ("--within", "100%", "--pair-minutes", "0.02")
    by_rounds = attention(*words)
    assert by_rounds.returncode == 0, by_rounds.stderr
    _update_kernel(tmp_path / "store", "attn-softmax-*")
    apart = bench("attention", "--from-store", "--json").json()["pairs"]
    assert all(row["ratio"] is None and "kernel before the update" in row["obstacles"] for row in apart)

    done = attention(*words, pairs=pairs)
    assert done.returncode == 0, done.stderr
    assert "round" not in done.stderr, "the runs are there"
    found = done.json()
    paired = {row["paired"] for row in found["pairs"]}
    assert paired == {True}, "ratios are measured as pairs, whatever lay between the runs"
    assert not any(row["obstacles"] for row in found["pairs"])
    assert len(re.findall(r"beside attn-relu-linear", done.stderr)) == 2, "that of its shape, and that of its MACs"
    assert {(row["tokens"], row["definition"]) for row in found["pairs"]} == {(64, "same shape"), (64, "equal MACs")}
    for row in found["pairs"]:
        assert row["ratio"] > 0
        assert row["peak_rss_bytes"] > 1e6
        assert row["macs_s"] == pytest.approx(row["macs"] / row["median_ms"] * 1e3)
    runs = bench("results", "ls", "--json").json()

    again = attention(*words, pairs=pairs)
    assert "round" not in again.stderr, "nothing is measured twice"
    assert again.json() == found
    assert bench("results", "ls", "--json").json() == runs
    assert "beside" not in again.stderr

    folder = tmp_path / "figures"
    stored = bench("attention", "--from-store", "--to", str(folder))
    assert stored.returncode == 0, stored.stderr
    assert "softmax, 8 heads" in stored.stdout
    for narrower, rows in ((("--device", "local"), 2), (("--device", "orin"), 0), (("--runtime", "litert"), 0)):
        assert len(bench("attention", "--from-store", "--json", *narrower).json()["pairs"]) == rows
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "attention.csv",
        "attention.md",
        "attention-factors.pdf",
        "attention-scaling.svg",
        "attention-memory.png",
    }


def _update_kernel(store, models):
    """The runs of these models as if the computer's kernel had been another one then."""
    for file in store.glob(f"local/{models}/*/record.json"):
        record = json.loads(file.read_text())
        device = record["device"]
        for kept in (device["fingerprint"]["linux"], device["conditions"]["linux"]["system"]):
            kept["kernel"] = "before the update"
        file.write_text(json.dumps(record))
        (file.parent / "SHA256SUMS").unlink()


def test_a_plan_says_what_is_there_and_measures_nothing(attention, bench):
    done = attention(*TINY, "--tokens", "1024", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    plan = done.json()
    assert [row["model"] for row in plan][:2] == [
        "attn-relu-linear-module-h8-d8-n1024", "attn-relu-linear-ms-module-h8-d8-n1024",
    ]  # fmt: skip
    assert re.fullmatch(r"equal MACs, widened to \d+ heads \([+-]\d\.\d%\)", plan[-1]["reason"])
    assert not any(row["stored"] for row in plan)
    assert bench("results", "ls", "--json").json() == []


def test_a_plan_says_where_no_linear_form_has_as_many_macs(attention):
    done = attention("--heads", "2", "--head-dim", "8", "--tokens", "64", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert all(row["reason"] == "same shape" for row in done.json())
    assert "the linear form nearest in MACs to softmax, widened to 3 heads, differs by -11.7%" in done.stderr
    assert "nothing is compared at equal MACs" in done.stderr


def test_what_does_not_fit_is_a_stored_result_and_not_tried_again(attention, bench, tmp_path):
    words = ("--form", "softmax", "--heads", "64", "--tokens", "2000x2000", "--runtime", "torch", "--scope", "core")
    done = attention(*words, "--json")
    assert done.returncode == 0, done.stderr
    assert "not started: it needs about" in done.stderr
    (run,) = bench("results", "ls", "--json").json()
    assert run["status"] == "failed"
    (record_file,) = (tmp_path / "store").rglob("record.json")
    record = json.loads(record_file.read_text())
    assert record["failure"]["kind"] == "too-large"
    assert record["runtime"]["name"] == "torch"
    again = attention(*words)
    assert again.returncode == 0, again.stderr
    assert len(bench("results", "ls", "--json").json()) == 1


@pytest.mark.slow
def test_shares_of_the_time_by_operator(attention):
    done = attention(*TINY, "--tokens", "64", "--form", "softmax", "--profile", "--json")
    assert done.returncode == 0, done.stderr
    softmax = next(one for one in done.json()["operator_shares"] if "softmax" in one["what"])
    assert sum(softmax["shares"].values()) == pytest.approx(1)
    assert softmax["shares"]["softmax"] > 0
    assert softmax["shares"]["matrix products"] > 0


@pytest.mark.slow
def test_a_forced_kernel_is_named_or_fails(attention, bench):
    flash = attention(*TINY, "--tokens", "64", "--form", "relu-linear", "--form", "sdpa-flash", "--json")
    assert flash.returncode == 0, flash.stderr
    assert "softmax, fused (flash)" in {row["label"] for row in flash.json()["pairs"]}
    efficient = bench(
        "run", "--model", "attn-sdpa-module-h8-d8-n64", "--runtime", "torch", "--runtime-option", "sdpa=efficient",
        "--protocol", "paper",
    )  # fmt: skip
    assert efficient.returncode == 1, "a processor has no such kernel, and no other may take its place"
    unknown = bench(
        "run", "--model", "attn-sdpa-module-h8-d8-n64", "--runtime", "torch", "--runtime-option", "sdpa=cudnn",
        "--protocol", "paper",
    )  # fmt: skip
    assert unknown.returncode == 2
    assert "flash, efficient, math" in unknown.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--form", "cosine"), "no form of attention"),
        (("--form", "sdpa-flash", "--runtime", "litert"), "--runtime torch"),
        (("--tokens", "0"), "64x128"),
        (("--whole", "b0-seg-single-scale"), "cannot be compared"),
        (("--device", "nowhere"), "nowhere"),
    ],
)
def test_wrong_requests(attention, words, said):
    done = attention(*words, "--dry-run")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
