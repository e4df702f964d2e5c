"""`bench gate --against` and `bench baseline` as a CI job runs them: real files, real processes that take turns."""

from __future__ import annotations

import json
import os
import sys

import pytest
from click.testing import CliRunner

from latency_bench.harness.cli.main import bench as bench_command
from latency_bench.harness.pairs import pair_length

pytest.importorskip("onnxruntime")


@pytest.fixture
def files(write_model):
    """Two models, the second with six times the work."""
    return write_model("few", layers=3, size=64), write_model("many", layers=18, size=64)


@pytest.fixture
def keep(bench, tmp_path):
    """keep(name, what): keep a baseline in a folder of its own."""
    folder = tmp_path / "baselines"

    def run(name, what, *options):
        done = bench("baseline", "keep", name, str(what), "--to", str(folder), *options)
        assert done.returncode == 0, done.stderr
        return done

    run.folder = folder
    return run


@pytest.fixture
def gate(bench, keep, fast_protocol):
    def run(*words, minutes="5"):
        common = ("--baselines", str(keep.folder), "--protocol", str(fast_protocol), "--quiet")
        return bench("gate", *words, *common, "--max-minutes", minutes, timeout_s=560)

    return run


def test_a_slower_file_is_worse_than_the_one_that_was_kept(
    keep, files, bench_environment, fast_protocol, monkeypatch, tmp_path
):
    """In this process, where pairs can be told to be as short as they may: it takes ten of them, however long."""
    monkeypatch.setattr(pair_length, "best_seconds", lambda *_: 0.0)
    for name, value in bench_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    few, many = files
    keep("main", few)
    few.unlink()
    words = ["gate", "--against", "main", "--candidate", str(many), "--baselines", str(keep.folder), "--json"]
    words += ["--protocol", str(fast_protocol), "--max-minutes", "5", "--junit", str(tmp_path / "gate.xml")]
    words += ["--max-mb", "0.001"]
    done = CliRunner().invoke(bench_command, words, standalone_mode=False)
    assert done.return_value == 1, done.output
    case, memory = json.loads(done.stdout)["cases"]
    assert case["answer"] == "worse"
    assert case["low"] > 1.03
    assert (memory["answer"], memory["name"].endswith("at most 0.001 MB")) == ("worse", True)
    assert case["baseline"].startswith("main (kept ")
    assert case["candidate"] == str(many)
    assert "failure" in (tmp_path / "gate.xml").read_text()
    (record,) = (tmp_path / "store").glob("local/_pairs/*/record.json")
    assert json.loads(record.read_text())["stopped_by"] == "decided"


@pytest.mark.slow
def test_a_faster_file_is_fine(gate, files):
    few, many = files
    done = gate("--against", str(many), "--candidate", str(few), "--json", "--strict")
    (case,) = json.loads(done.stdout)["cases"]
    assert case["high"] < 1.03
    # Where the machine let one side disturb the other, that is said, and nothing is fine.
    disturbed = "another side had the turn" in case["reason"] or "slower in the first request" in case["reason"]
    assert (case["answer"], done.returncode) == (("cannot tell", 3) if disturbed else ("fine", 0)), case


def test_without_time_nobody_can_tell(gate, files):
    few, many = files
    done = gate("--against", str(few), "--candidate", str(many), "--json", "--strict", minutes="0.01")
    assert done.returncode == 3, done.stderr
    (case,) = json.loads(done.stdout)["cases"]
    assert (case["answer"], case["low"]) == ("cannot tell", None)


def test_fewer_than_ten_pairs_are_named_as_the_reason_and_kept_with_their_labels(gate, files, tmp_path):
    words = ("--against", str(files[0]), "--candidate", str(files[0]), "--label", "commit=1a2b3c4,5d6e7f8")
    done = gate(*words, "--json", minutes="0.01")
    assert done.returncode == 0, done.stderr
    (case,) = json.loads(done.stdout)["cases"]
    assert "10 are the least for an answer" in case["reason"]
    (record,) = (tmp_path / "store").glob("local/_pairs/*/record.json")
    sides = json.loads(record.read_text())["sides"]
    assert [side["labels"]["commit"] for side in sides] == ["1a2b3c4", "5d6e7f8"]


STAND_IN = """#!{python}
import json, os, subprocess, sys
command = sys.argv[sys.argv.index("--") + 1 :]
code = subprocess.call(command)
job = json.load(open(command[-1]))
requests = job["warmup"]["min_count"] + job["sampling"]["min_count"]
weights = os.path.getsize(job["artifact"])
sys.stderr.write("%d,,instructions:u,1,100.00,,\\n" % (700000000 + 1000 * weights * requests))
sys.exit(code)
"""
"""A `perf` that counts what it is told: a start, and for every request a thousand for each byte of the file."""


def test_instructions_are_judged_apart_from_time(bench, keep, files, fast_protocol, tmp_path):
    few, many = files
    program = tmp_path / "bin" / "perf"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    words = ("--count", "instructions", "--json", "--protocol", str(fast_protocol), "--max-minutes", "0.01")
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    done = bench("gate", "--against", str(few), "--candidate", str(many), *words, env=path)
    assert done.returncode == 1, done.stderr
    by_time, by_count = json.loads(done.stdout)["cases"]
    assert by_time["answer"] == "cannot tell"
    assert by_count["answer"] == "worse"
    assert by_count["name"].endswith(": instructions")
    expected = many.stat().st_size / few.stat().st_size
    assert (by_count["low"], by_count["ratio"], by_count["high"]) == pytest.approx((expected,) * 3)
    assert "million instructions a request, by perf" in by_count["reason"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_valgrind_counts_what_a_request_executes(gate, write_model):
    """Six times the convolutions are about six times the instructions, however busy the machine is."""
    few, many = write_model("few", layers=3, size=32), write_model("many", layers=18, size=32)
    done = gate("--against", str(few), "--candidate", str(many), "--count", "instructions", "--json", minutes="0.01")
    assert done.returncode == 1, done.stderr
    by_count = json.loads(done.stdout)["cases"][1]
    assert by_count["answer"] == "worse"
    assert 4 < by_count["low"] <= by_count["high"] < 8


@pytest.mark.parametrize(
    ("words", "message"),
    [(("BASELINE", "--count", "instructions"), "--count"), (("BASELINE", "--label", "commit=a"), "--label")],
)
def test_what_only_a_measurement_has_is_refused_for_stored_runs(bench, tmp_path, words, message):
    done = bench("gate", *(word.replace("BASELINE", str(tmp_path)) for word in words))
    assert done.returncode == 2
    assert message in done.stderr


def test_a_misspelt_baseline_is_told_with_those_that_are_kept(gate, keep, files):
    keep("main", files[0])
    done = gate("--against", "mainn", "--candidate", str(files[1]))
    assert done.returncode == 2
    assert "kept are main" in done.stderr


def test_a_candidate_that_does_not_load_is_worse(gate, files, write_model):
    done = gate(
        "--against", str(files[0]), "--candidate", str(write_model("odd", layers=1, size=64, operator="NoSuch"))
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the candidate fails" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--candidate", "FEW@onnxruntime,threads=2"), "--across threads"),
        (("--candidate", "FEW@onnxruntime,batch=2"), "is fixed, the first size"),
        (("--candidate", "SMALL"), "--across resolution"),
        (("--candidate", "missing.onnx"), "missing.onnx"),
        ((), "--candidate"),
        (("--candidate", "FEW", "--candidate", "FEW"), "--candidate"),
        (("--candidate", "FEW", "--min-accuracy", "75"), "--min-accuracy"),
    ],
)
def test_sides_that_differ_are_refused_before_anything_is_measured(gate, files, write_model, tmp_path, words, message):
    small = write_model("small", layers=1, size=32)
    places = {"FEW": str(files[0]), "SMALL": str(small)}
    named = [word.replace("FEW", places["FEW"]).replace("SMALL", places["SMALL"]) for word in words]
    done = gate("--against", str(files[0]), *named)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store" / "local").exists()


def test_baselines_are_kept_by_content_listed_and_removed(bench, keep, files):
    few, many = files
    keep("a", few)
    keep("b", f"{few}@onnxruntime,threads=2")
    keep("c", many)
    place = ("--in", str(keep.folder))
    listed = {one["name"]: one for one in bench("baseline", "ls", *place, "--json").json()}
    assert set(listed) == {"a", "b", "c"}
    assert listed["b"]["threads"] == 2
    assert len(list((keep.folder / "files").iterdir())) == 2, "equal files are kept once"
    assert bench("baseline", "rm", "a", *place).returncode == 0
    assert len(list((keep.folder / "files").iterdir())) == 2, "b still has it"
    assert bench("baseline", "rm", "b", *place).returncode == 0
    assert len(list((keep.folder / "files").iterdir())) == 1
    gone = bench("baseline", "rm", "a", *place)
    assert (gone.returncode, "bench baseline ls" in gone.stderr) == (2, True)


def test_a_kept_file_that_changed_is_not_measured(gate, keep, files):
    keep("main", files[0])
    (kept,) = (keep.folder / "files").glob("*/*.onnx")
    kept.write_bytes(files[1].read_bytes())
    done = gate("--against", "main", "--candidate", str(files[1]))
    assert done.returncode == 2
    assert "keep it again" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../../etc/passwd"},
        {"sha256_by_file": {"../x.onnx": "0" * 64}},
        {"schema_version": 2},
        {"name": "other"},
        {"more": 1},
    ],
)
def test_a_description_that_is_none_is_refused(gate, keep, files, change):
    keep("main", files[0])
    path = keep.folder / "main.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    done = gate("--against", "main", "--candidate", str(files[1]))
    assert done.returncode == 2
    assert "main.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_is_a_path_is_none(bench, files, tmp_path):
    done = bench("baseline", "keep", "../x", str(files[0]), "--to", str(tmp_path / "baselines"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.json").exists()


def test_a_run_and_a_kept_export_are_measured_again_beside_the_model(bench, gate, keep, fast_protocol):
    model = "b0-cls-r224@litert,resolution=64x64"
    run = bench("run", "--model", "b0-cls-r224", "--resolution", "64x64", "--protocol", str(fast_protocol), "--json")
    keep("export", model)
    words = [word for text in (run.json()["run_id"], "export") for word in ("--against", text, "--candidate", model)]
    done = gate(*words, "--json", minutes="0.02")
    assert done.returncode == 0, done.stderr
    by_run, by_export = json.loads(done.stdout)["cases"]
    for case in (by_run, by_export):
        assert case["answer"] == "cannot tell"
        assert "of processes in" in case["reason"], "the sides are alike and were measured"
    assert by_run["baseline"] == run.json()["run_id"]
    assert by_export["name"].startswith("file-b0-cls-r224")
