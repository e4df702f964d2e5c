"""`bench sweep`, `bench watch` and `bench host` as a user types them. Killed ones: tests/harness/campaign/."""

from __future__ import annotations

import pytest

from latency_bench.harness.cli.campaign_display import duration, time_left

FAST = """name: fast
rounds: 1
campaign_rounds: 2
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 1, window: 0}
sampling: {min_count: 5, max_count: 20, min_s: 0, max_s: 1, relative_interval: null, confidence: 0.95}
"""


def test_a_dry_run_lists_every_case_and_measures_nothing(bench, tmp_path):
    done = bench("sweep", "--table", "3", "--device", "local", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "b3-seg, local: litert fp32, 1 thread" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("table-3-local: ")
    assert not (tmp_path / "store").exists()
    listed = bench("sweep", "--table", "3", "--device", "local", "--dry-run", "--json").json()
    assert listed["open"] == len(listed["cases"])
    assert {case["status"] for case in listed["cases"]} == {"open"}
    assert len({case["case"] for case in listed["cases"]}) == len(listed["cases"])


def test_a_campaign_is_measured_once_even_though_one_case_fails(bench, tmp_path):
    (tmp_path / "fast.yaml").write_text(FAST)
    (tmp_path / "campaign.yaml").write_text(
        """
        name: mixed
        protocol: fast.yaml
        retry: {attempts: 1}
        cases:
          - {models: b0-cls-r224, resolutions: 64, runtimes: onnxruntime}
          - {models: b0-cls-r224, resolutions: 64, runtimes: torch-cuda}
        """
    )
    done = bench("sweep", "campaign.yaml", "--json")
    assert done.returncode == 1, done.stderr
    by_runtime = {case["runtime"]: case for case in done.json()["cases"]}
    assert by_runtime["onnxruntime"]["status"] == "done"
    assert by_runtime["onnxruntime"]["median_ms"] > 0
    assert by_runtime["torch-cuda"]["status"] == "failed"
    assert by_runtime["torch-cuda"]["reason"]
    assert "[2/2]" in done.stderr
    assert "\x1b" not in done.stderr, "no colours and no bar where nobody looks"
    again = bench("sweep", "campaign.yaml", "--dry-run")
    assert "mixed: 2 cases, 0 to measure" in again.stdout
    watched = bench("watch", "mixed", "--once")
    assert watched.returncode == 0
    assert "1 done, 1 failed" in watched.stdout
    rows = bench("results", "ls", "--json").json()
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["sweep"], "name a campaign's file"),
        (["sweep", "--model", "b0-sge"], "b0-seg"),
        (["sweep", "--model", "b0-seg", "--device", "orni"], "orni"),
        (["sweep", "--model", "b0-seg", "--name", "../up", "--dry-run"], "cannot be a folder's"),
        (["sweep", "--model", "b0-seg", "--resolution", "big"], "no resolution"),
        (["sweep", "wrong.yaml"], "wrong.yaml:2: unknown field 'cases[0].modles'"),
        (["sweep", "wrong.yaml", "--model", "b0-seg"], "a file says itself"),
        (["sweep", "--model", "b0-seg", "--scheduler", "lab:8786"], "without TLS"),
        (["sweep", "--model", "b0-seg", "--tls-ca", "wrong.yaml"], "--scheduler"),
        (["host", "--devices", "local"], "--scheduler"),
        (["host", "--devices", "orni", "--scheduler", "127.0.0.1:9", "--insecure"], "orni"),
        (["watch"], "no campaign"),
    ],
)
def test_wrong_requests_say_what_to_change(bench, tmp_path, words, complaint):
    (tmp_path / "wrong.yaml").write_text("cases:\n  - modles: b0-seg\n")
    done = bench(*words)
    assert done.returncode == 2, done.stdout
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3599, "1 h 00 min"), (4800, "1 h 20 min"), (200000, "2 days 7 h")],
)
def test_durations_in_the_units_that_matter(seconds, words):
    assert duration(seconds) == words


def test_the_time_left_is_known_unknown_or_over():
    assert time_left(None) == "time left unknown"
    assert time_left(0) == "nothing left"
    assert time_left(120) == "about 2 min left"
