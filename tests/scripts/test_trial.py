"""The trial of an hour: its parts are there, and a command in a warm process is the command."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trial(load_script):
    return load_script("scripts/trial.py")


def test_every_part_names_programs_and_tests_that_there_are(trial):
    for part in (*trial.COUNTED, *trial.TESTED):
        named = [word for word in trial.command_of(part, 0.5) if word.endswith(".py")]
        assert named, part
        assert [word for word in named if not (ROOT / word).is_file()] == []


def test_a_warm_command_ends_as_a_cold_one_and_nothing_is_shared_between_two(load_script, bench_environment, tmp_path):
    start_warm = load_script("scripts/warm_bench.py").WarmBench
    stderr = tmp_path / "stderr"
    with start_warm(["latency_bench.harness.cli.results.ls"], bench_environment, tmp_path, stderr) as bench:
        for words, code, said in (
            (["results", "ls", "--store", str(tmp_path / "none")], 0, ""),
            (["results", "show", "latest", "--store", str(tmp_path / "none")], 2, "no run"),
            (["resultss"], 2, "Did you mean 'results'?"),
            (["results", "ls", "--store", str(tmp_path / "none")], 0, ""),
        ):
            command = bench.start(words)
            assert command.wait(timeout=120) == code, stderr.read_text()
            assert said in stderr.read_text()
            assert command.pid != bench.helper.pid
    assert bench.helper.returncode == 0
