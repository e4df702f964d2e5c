"""The jobs of docs/jobs.md, by their scripts from a clone: each ends well, and leaves what its page says."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
FEW = """name: few
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 1, min_s: 0, max_s: 1, window: 0}
sampling: {min_count: 2, max_count: 2, min_s: 0, max_s: 1, relative_interval: null, confidence: 0.95}
"""


@pytest.mark.parametrize("job", sorted(path.parent.name for path in (ROOT / "docs" / "jobs").glob("*/job.sh")))
def test_the_page_has_the_commands_of_the_script(job: str) -> None:
    script = re.sub(r"\\\n\s*", "", (ROOT / "docs" / "jobs" / job / "job.sh").read_text(encoding="utf-8"))
    usual = dict(re.findall(r"(\w+)=\$\{\w+:-([^}]+)\}", script))
    lines = re.findall(r"^bench .*$", script, re.M)
    assert lines
    for line in lines:
        shown = re.sub(r'"\$(\w+)"', lambda match: usual[match[1]], line)
        assert f"    {shown}\n" in PAGE


def test_a_job_sets_itself_up_where_no_bench_is(tmp_path: Path) -> None:
    """A clone with a set-up of its own, which leaves a `bench` that says what it was asked."""
    shutil.copytree(ROOT / "docs" / "jobs", tmp_path / "docs" / "jobs")
    (tmp_path / "scripts").mkdir()
    program = tmp_path / ".venv" / "bin" / "bench"
    set_up = tmp_path / "scripts" / "set_up.sh"
    set_up.write_text(f'#!/bin/sh\nmkdir -p {program.parent}\nmv {tmp_path}/bench {program}\necho "extras $1"\n')
    (tmp_path / "bench").write_text('#!/bin/sh\necho "ran $1"\n')
    for file in (set_up, tmp_path / "bench"):
        file.chmod(0o755)
    command = [tmp_path / "docs" / "jobs" / "researcher" / "job.sh", tmp_path / "work"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    first, *others, last = done.stdout.splitlines()
    assert first == "extras litert,onnxruntime,reports"
    assert others == ["ran run", "ran sweep", "ran table", "ran table", "ran plot"]
    assert last.startswith("5 bench commands")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git knows, and no others."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--", ".", ":!results", ":!docs/zoo-runs", ":!docs/agreement-runs"], cwd=ROOT
    )
    packed = subprocess.run(["tar", "--null", "-T", "-", "-c"], input=listed, cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x"], input=packed.stdout, cwd=folder, check=True)
    return folder


def run(clone: Path, job: str, folder: Path, environment: dict[str, str], **settings: str) -> str:
    """What the script prints, with the program of the clone in this Python; its last line says how many commands it
    had."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "bench").write_text(f'#!/bin/sh\nPYTHONPATH={clone} exec {sys.executable} -m latency_bench "$@"\n')
    (programs / "bench").chmod(0o755)
    kept = {name: value for name, value in environment.items() if name != "BENCH_STORE"}
    done = subprocess.run(
        [clone / "docs" / "jobs" / job / "job.sh", folder / "work"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**kept, **settings, "PATH": f"{programs}{os.pathsep}{environment['PATH']}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    commands = re.fullmatch(r"(\d+) bench commands, first number after \d+ s, \d+ s in all, in .*", last)
    assert commands is not None, last
    (row,) = re.findall(rf"^\| .*/{job}/job\.sh\) \| (\d+) \|", PAGE, re.M)
    assert int(commands[1]) == int(row), "docs/jobs.md has another number of commands"
    return done.stdout


def test_the_ci_owners(clone: Path, tmp_path: Path, bench_environment: dict[str, str]) -> None:
    run(clone, "ci-owner", tmp_path, bench_environment, SIZE="64", MINUTES="0.02")
    work = tmp_path / "work"
    (suite,) = ElementTree.parse(work / "gate.xml").getroot().iter("testsuite")
    assert suite.get("tests") == "1"
    assert suite.get("failures") == "0"
    assert "model" in (work / "gate.md").read_text()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_researchers(clone: Path, tmp_path: Path, bench_environment: dict[str, str]) -> None:
    """A small input and few requests make it quick."""
    (tmp_path / "few.yaml").write_text(FEW)
    settings = {"SIZE": "64x128", "PROTOCOL": str(tmp_path / "few.yaml")}
    printed = run(clone, "researcher", tmp_path, bench_environment, **settings)
    table = (tmp_path / "work" / "table.tex").read_text()
    for model in ("my-unet", "b1-seg", "segformer-b1"):
        assert model in printed
        assert model.replace("-", "{-}") in table
    assert "71 & .4" in table
    assert (tmp_path / "work" / "figure.pdf").read_bytes().startswith(b"%PDF")
    with (tmp_path / "work" / "figure.csv").open(newline="") as file:
        points = {row["model"]: float(row["accuracy"]) for row in csv.DictReader(file)}
    assert points == {"my-unet": 71.4}, "the published accuracies of the others are of another size"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_engineers(clone: Path, tmp_path: Path, bench_environment: dict[str, str]) -> None:
    printed = run(clone, "engineer", tmp_path, bench_environment, SIZE="64")
    ranked = re.findall(r"^timm-(\w+) +([12]) +(fp32|int8) ", printed, re.M)
    assert len(set(ranked)) == 16
    assert (tmp_path / "work" / "for-a-colleague.tar.gz").stat().st_size > 1000
