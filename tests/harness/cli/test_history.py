"""`bench history` as a user and as a CI job run it, over a store whose latencies are known by construction."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BEGAN = datetime(2026, 10, 1, tzinfo=timezone.utc)


@pytest.fixture
def nightly(store_run: Any, make_record: Any) -> Any:
    """nightly([1.0] * 20 + [1.06] * 20): one run a night of b1-seg, of another commit from the first change on."""

    def make(scales: list[float]) -> None:
        noise = np.random.default_rng(1).normal(0, 0.01, len(scales))
        for night, (scale, scatter) in enumerate(zip(scales, noise, strict=True)):
            moment = BEGAN + timedelta(days=night)
            changed = scale != scales[0]
            content = make_record().model_dump()
            summary = _scaled(content["summary"], scale * float(np.exp(scatter)))
            store_run(
                run_id=f"{moment:%Y%m%dT%H%M%SZ}-{night:06x}",
                started_at=moment,
                ended_at=moment + timedelta(minutes=1),
                summary=summary,
                labels={"commit": "new" if changed else "old"},
                runtime={**content["runtime"], "version": "2.0" if changed else "1.0"},
            )

    return make


def _scaled(summary: dict[str, Any], scale: float) -> dict[str, Any]:
    latency = {
        name: tuple(one * scale for one in value) if name == "round_medians_ms" else
        value * scale if name.endswith("_ms") and value is not None else value
        for name, value in summary["latency"].items()
    }  # fmt: skip
    return {**summary, "latency": latency, "throughput": {"img_s": 1e3 / latency["median_ms"]}}


def test_a_slowdown_ends_with_1_and_is_named_in_text_json_figure_and_page(
    bench: Any, nightly: Any, tmp_path: Path
) -> None:
    nightly([1.0] * 20 + [1.06] * 20)
    done = bench("history", "b1-seg", "--device", "local", "--plot", "history.svg")
    assert done.returncode == 1, done.stderr
    assert "slower  ratio 1.0" in done.stdout
    assert "commit old" in done.stdout
    assert "3 × 40" in done.stdout, "rounds and requests stand beside a latency"
    assert "changed there: runtime: version 1.0 against 2.0" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("slower: ")
    assert (tmp_path / "history.svg").read_text(encoding="utf-8").startswith("<?xml")
    (found,) = bench("history", "b1-seg", "--device", "local", "--json").json()
    (change,) = found["changes"]
    assert change["low"] < 1.06 < change["high"]
    assert (found["answer"], len(found["runs"])) == ("slower", 40)
    since = bench("history", "b1-seg", "--device", "local", "--since", "2026-11-05", "--json")
    assert since.returncode == 0
    assert since.json()[0]["changes"] == []
    assert bench("history", "b1-seg", "--device", "local", "--since", "new", "--json").returncode == 1
    assert bench("plot", "history", "--device", "local", "--to", "again.svg").returncode == 0
    assert bench("report", "--html", "--to", "page").returncode == 0


def test_few_runs_tell_nothing_and_strict_says_so_by_its_exit_code(bench: Any, nightly: Any) -> None:
    nightly([1.0] * 4)
    words = ("history", "b1-seg", "--device", "local")
    done = bench(*words)
    assert (done.returncode, bench(*words, "--strict").returncode) == (0, 3)
    assert "cannot tell: 4 runs on this machine; 12 are needed" in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("b1-seg", "--device", "nowhere"), "no run has the device nowhere"),
        (("b1-sge", "--device", "local"), "no run has the model b1-sge"),
        (("mine.onnx", "--device", "local"), "mine.onnx: cannot be read"),
        (("b1-seg", "--device", "local", "--since", "2026-02-30"), "is not a day of the calendar"),
        (("b1-seg", "--device", "local", "--since", "fffffff"), "no run was measured at this commit"),
        (("b1-seg", "--device", "local", "--since", "2030-01-01", "--plot", "x.svg"), "choose an earlier --since"),
    ],
)
def test_a_wrong_request_is_told_what_to_change(
    bench: Any, nightly: Any, words: tuple[str, ...], complaint: str
) -> None:
    nightly([1.0])
    done = bench("history", *words)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
