"""The jobs of docs/jobs.md, by their scripts and at small sizes: each ends well, and leaves what its page says."""

from __future__ import annotations

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


def run(job: str, folder: Path, environment: dict[str, str], left_out: int = 0, **settings: str) -> str:
    """What the script prints, with the command of this installation; its last line says how many commands it had.
    `left_out`: commands that it does not come to at the size of the test."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "bench").write_text(f'#!/bin/sh\nexec {sys.executable} -m latency_bench "$@"\n')
    (programs / "bench").chmod(0o755)
    kept = {name: value for name, value in environment.items() if name != "BENCH_STORE"}
    done = subprocess.run(
        [ROOT / "docs" / "jobs" / job / "job.sh", folder / "work"],
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
    assert int(commands[1]) == int(row) - left_out, "docs/jobs.md has another number of commands"
    return done.stdout


def test_the_ci_owners(tmp_path: Path, bench_environment: dict[str, str]) -> None:
    run("ci-owner", tmp_path, bench_environment, SIZE="64", MINUTES="0.02")
    work = tmp_path / "work"
    (suite,) = ElementTree.parse(work / "gate.xml").getroot().iter("testsuite")
    assert suite.get("tests") == "1"
    assert suite.get("failures") == "0"
    assert "model" in (work / "gate.md").read_text()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_researchers(tmp_path: Path, bench_environment: dict[str, str]) -> None:
    printed = run("researcher", tmp_path, bench_environment, left_out=1, SIZE="64x128")
    table = (tmp_path / "work" / "table.tex").read_text()
    for model in ("my-unet", "b1-seg", "segformer-b1"):
        assert model in printed
        assert model.replace("-", "{-}") in table
    assert "71 & .4" in table
    # An accuracy is of one size; tests/harness/cli/test_own_figure.py draws a figure of networks at theirs.
    assert not (tmp_path / "work" / "figure.pdf").exists()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_engineers(tmp_path: Path, bench_environment: dict[str, str]) -> None:
    printed = run("engineer", tmp_path, bench_environment, SIZE="64")
    ranked = re.findall(r"^timm-(\w+) +([12]) +(fp32|int8) ", printed, re.M)
    assert len(set(ranked)) == 16
    assert (tmp_path / "work" / "for-a-colleague.tar.gz").stat().st_size > 1000
