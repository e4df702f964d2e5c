"""What a user names as a side of a measured gate: a kept baseline, a stored run, a model, or a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.case_options import CaseOptions
from latency_bench.harness.errors import UsageError
from latency_bench.harness.pairs.side_text import file_side, side_of
from latency_bench.harness.repeated_case import options_of_run

if TYPE_CHECKING:
    from latency_bench.harness.case import Case

_SAME_FILE = ("model", "artifact", "output")
"""What differs between two files by nature: their names, contents, and what they give."""


@dataclass(frozen=True)
class GateSide:
    """`name` is what the user wrote. `sha256`: of the file that has to be measured, where a stored run names one."""

    name: str
    options: CaseOptions
    sha256: str | None = None


def side_named(
    text: str, common: Mapping[str, Any], baselines: Path, store: Path, of_files: Mapping[str, Any] | None = None
) -> GateSide:
    """A kept baseline of this name, else a run of this id, else a side in the words of `bench pair`. `of_files` are
    fields of CaseOptions for sides that are files.

    Raises UsageError, UnknownRunError, AmbiguousRunError, BrokenRunError.
    """
    from latency_bench.harness.gating.baselines import find_baseline
    from latency_bench.harness.store.layout import RECORD_FILE, is_run_id
    from latency_bench.harness.store.reader import find_run, read_record

    kept = find_baseline(baselines, text)
    if kept is not None:
        options = kept.options(baselines, common, of_files or {})
        return GateSide(f"{text} (kept {kept.kept_at:%Y-%m-%d}, of {kept.origin})", options)
    if is_run_id(text) or (Path(text) / RECORD_FILE).is_file():
        path = Path(text) if (Path(text) / RECORD_FILE).is_file() else find_run(store, text)
        record = read_record(path)
        sha256 = None if record.artifact is None else record.artifact.sha256
        try:
            return GateSide(text, options_of_run(record, common), sha256)
        except UsageError as error:
            raise UsageError(f"{error}. Or keep files with `bench baseline keep NAME FILE`, and name that") from None
    side = side_of(text, common, of_files)
    _refuse_unknown(text, side.model, baselines)
    return GateSide(text, side)


def _refuse_unknown(text: str, model: str | None, baselines: Path) -> None:
    """Raises UsageError for what is nothing at all, with the names that are kept: one of them may be meant."""
    from latency_bench.harness.gating.baselines import list_baselines
    from latency_bench.model_specs import load_spec
    from latency_bench.model_specs.errors import UnknownModelError

    try:
        if model is not None:
            load_spec(model)
    except UnknownModelError as error:
        names = [kept.name for kept in list_baselines(baselines)]
        kept = f"kept are {', '.join(names)}" if names else f"none is kept in {baselines}"
        raise UsageError(f"{text!r} is not a baseline ({kept}), a run, a file or a model: {error}") from None


def file_as_side(path: Path, format_: str, common: Mapping[str, Any], of_files: Mapping[str, Any]) -> GateSide:
    """A file whose format is known. Raises UsageError."""
    return GateSide(str(path), file_side(path, format_, {**common, **of_files}))


def side_at_revision(text: str, candidate: GateSide, folder: Path) -> GateSide:
    """The candidate with its file as it was at a revision (git_file.py), written into `folder`. Raises UsageError."""
    from latency_bench.harness.gating.git_file import file_at

    if candidate.options.file is None:
        raise UsageError(f"{text}: only a file has an earlier revision; name a file with --candidate")
    path, format_ = candidate.options.file
    place, commit = file_at(text, path, folder)
    # The checkout's own commit is the candidate's.
    labels = {**candidate.options.labels, "commit": commit}
    options = candidate.options.model_copy(update={"file": (place, format_), "labels": labels})
    return GateSide(f"{place.name} of {text} (commit {commit[:12]})", options)


def with_own_commit(side: GateSide) -> GateSide:
    """The side with the checkout's commit as its label, where nobody named one, so that `bench history` knows which
    commits a pair holds against each other."""
    from latency_bench.harness.run_data import project_here
    from latency_bench.harness.store.columns.run import commit_of

    here = project_here()
    commit = None if here is None else commit_of(None, here.commit, here.dirty)
    if commit is None or "commit" in side.options.labels:
        return side
    labels = {**side.options.labels, "commit": commit}
    return replace(side, options=side.options.model_copy(update={"labels": labels}))


def as_brought(case: Case, common: Mapping[str, Any]) -> CaseOptions:
    """The case of a model with its exported file in the place of the model: a kept file is held against a file. Raises
    as `artifact_of`."""
    from latency_bench.devices.opening import open_device
    from latency_bench.harness.case_artifact import artifact_of

    with open_device(case.device) as session:
        artifact = artifact_of(case, session, lambda _: None)
    return CaseOptions(
        **{
            **common,
            "file": (artifact.path, artifact.format),
            "runtime": case.runtime,
            "precision": case.precision,
            "threads": case.threads,
            "runtime_options": case.runtime_options,
            "labels": case.labels,
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
