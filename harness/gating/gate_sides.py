"""What a user names as a side of a measured gate: a kept baseline, a stored run, a model, or a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.case_options import CaseOptions
from latency_bench.harness.errors import UsageError
from latency_bench.harness.pairs.side_text import side_of

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.store.record import RunRecord

_SAME_FILE = ("model", "artifact", "output")
"""What differs between two files by nature: their names, contents, and what they give."""


@dataclass(frozen=True)
class GateSide:
    """`name` is what the user wrote. `sha256`: of the file that has to be measured, where a stored run names one."""

    name: str
    options: CaseOptions
    sha256: str | None = None


def side_named(text: str, common: Mapping[str, Any], baselines: Path, store: Path) -> GateSide:
    """A kept baseline of this name, else a run of this id, else a side in the words of `bench pair`.

    Raises UsageError, UnknownRunError, AmbiguousRunError, BrokenRunError.
    """
    from latency_bench.harness.gating.baselines import find_baseline
    from latency_bench.harness.store.layout import RECORD_FILE, is_run_id
    from latency_bench.harness.store.reader import find_run, read_record

    kept = find_baseline(baselines, text)
    if kept is not None:
        return GateSide(f"{text} (kept {kept.kept_at:%Y-%m-%d}, of {kept.origin})", kept.options(baselines, common))
    if is_run_id(text) or (Path(text) / RECORD_FILE).is_file():
        path = Path(text) if (Path(text) / RECORD_FILE).is_file() else find_run(store, text)
        record = read_record(path)
        sha256 = None if record.artifact is None else record.artifact.sha256
        return GateSide(text, options_of_run(record, common), sha256)
    return GateSide(text, side_of(text, common))


def side_at_revision(text: str, candidate: GateSide, folder: Path) -> GateSide:
    """The candidate with its file as it was at a revision (git_file.py), written into `folder`. Raises UsageError."""
    from latency_bench.harness.gating.git_file import file_at

    if candidate.options.file is None:
        raise UsageError(f"{text}: only a file has an earlier revision; name a file with --candidate")
    path, format_ = candidate.options.file
    place, commit = file_at(text, path, folder)
    options = candidate.options.model_copy(update={"file": (place, format_)})
    return GateSide(f"{place.name} of {text} (commit {commit[:12]})", options)


def options_of_run(record: RunRecord, common: Mapping[str, Any]) -> CaseOptions:
    """What would measure a stored run again. Raises UsageError where its file or checkpoint is not in the store."""
    from latency_bench.model_specs import load_spec

    model, runtime = record.model, record.runtime
    if model.spec.get("builder") == "file" or model.weights.sha256 is not None or runtime is None:
        raise UsageError(
            f"{record.run_id}: its file is not in the store, so that it cannot be measured again; keep files with "
            "`bench baseline keep NAME FILE` and name the baseline"
        )
    fields = {
        **common,
        "model": model.id,
        "runtime": runtime.name,
        # Inputs that are no images have one size, which cannot be asked for.
        "resolution": None if model.resolution == load_spec(model.id).resolution else model.resolution,
        "batch": model.batch,
        "precision": model.precision,
        "output": model.output or "logits",
        "seed": model.weights.seed or 0,
        "threads": runtime.options.get("threads") or common.get("threads"),
        "runtime_options": {
            name: value for name, value in runtime.options.items() if name not in ("threads", "precision", "build")
        },
    }
    return CaseOptions(**fields)


def as_brought(case: Case, common: Mapping[str, Any]) -> CaseOptions:
    """The case with its exported file in the place of its model: a kept file is held against a file. Raises as
    `artifact_of`."""
    from latency_bench.devices.opening import open_device
    from latency_bench.harness.case_artifact import artifact_of

    if case.artifact is not None:
        path, format_ = case.artifact.path, case.artifact.format
    else:
        with open_device(case.device) as session:
            artifact = artifact_of(case, session, lambda _: None)
        path, format_ = artifact.path, artifact.format
    return CaseOptions(
        **{
            **common,
            "file": (path, format_),
            "runtime": case.runtime,
            "precision": case.precision,
            "threads": case.threads,
            "runtime_options": case.runtime_options,
        }
    )


def refuse_unlike(baseline: Case, candidate: Case, across: Collection[str]) -> None:
    """Raises UsageError where the sides ask for different things and nobody said that it is meant."""
    from latency_bench.harness.identity.case_key import CaseKey
    from latency_bench.harness.identity.differences import DIMENSIONS

    allowed = allowed_differences(baseline, candidate, across)
    # An option that is named as it usually is, and one that is left to the runtime, are the same until it is measured.
    keys = [CaseKey.of_case(case) for case in (baseline, candidate)]
    a, b = ({**key.fields(), "options": ", ".join(key.setting.unusual_options()) or "as usual"} for key in keys)
    names = {"height": "resolution", "width": "resolution", "options": "runtime", "runner": "runtime"}
    unlike = {names.get(name, name): f"{name} {a[name]} against {b[name]}" for name in a if a[name] != b[name]}
    if "model" in across:
        allowed = (*allowed, *DIMENSIONS["model"].implies)
    meant = {name: text for name, text in unlike.items() if name not in allowed}
    if meant:
        options = " ".join(f"--across {name}" for name in meant)
        raise UsageError(f"the sides differ in {'; '.join(meant.values())}. If that is meant, say so with {options}")


def allowed_differences(baseline: Case, candidate: Case, across: Collection[str]) -> tuple[str, ...]:
    """Dimensions that may differ: those that are meant, the file itself (whether it became slower is the question), and
    the names of files."""
    brought = baseline.artifact is not None or candidate.artifact is not None
    return (*across, *(_SAME_FILE if brought else ("artifact",)))
