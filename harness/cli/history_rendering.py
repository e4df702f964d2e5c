"""A history for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latency_bench.harness.cli.figures import counted, printable
from latency_bench.harness.number_text import ratio_words
from latency_bench.harness.store.columns.registry import columns

if TYPE_CHECKING:
    from rich.console import Console

    from latency_bench.reports.history.build import History, HistoryChange
    from latency_bench.reports.history.commit_chain import CommitRatio
    from latency_bench.reports.history.run_series import HistoryRun, Mark

_STYLES = {"slower": "red", "fine": "green", "cannot tell": "yellow"}
_MARKS_SHOWN = 12


def render_history(history: History, console: Console) -> None:
    """Print the changes, what changed there, and the answer. All text of records is printed as text."""
    from rich.text import Text

    runs = history.shown
    console.print(Text(printable(history.series.key.label()), "bold"))
    if runs:
        latency = columns()["median_ms"].text(runs[-1].median_ms)
        unsteady = sum(run.status == "unstable" for run in runs)
        requests = columns()["round_samples"].text(list(runs[-1].round_samples))
        words = f"{counted(len(runs), 'run')}, {runs[0].moment} to {runs[-1].moment}"
        words += f"; the last one took {latency} ms ({requests})"
        console.print(Text(words + (f"; {unsteady} never settled" if unsteady else "")))
    for change in history.changes:
        console.print()
        for line in change_lines(change):
            console.print(Text(printable(line)))
    for stretch in history.stretches:
        if stretch.drift is not None and stretch.end > history.shown_from:
            drift, first = stretch.drift, history.series.runs[stretch.first]
            figures = f"{drift.ratio - 1:+.1%} ({drift.low - 1:+.1%} to {drift.high - 1:+.1%})"
            console.print(Text(f"\nfrom {first.moment} on the level drifts by {figures} in all, without a step"))
    _print_marks(history, console)
    for link in history.code:
        console.print(Text(printable(f"code    {link.text()}")))
    answer, reason = history.answer()
    console.print()
    console.print(Text.assemble((answer, f"bold {_STYLES[answer]}"), printable(f": {reason}")))


def change_lines(change: HistoryChange) -> list[str]:
    """By how much and where, what else changed there, and whether the code did it."""
    found = change.change
    direction = "slower" if found.ratio > 1 else "faster"
    figures = ratio_words(found.ratio, found.low, found.high)
    between = f"between {_run_words(change.before)} and {_run_words(change.after)}"
    lines = [f"{direction}  {figures}, {between}"]
    lines += [f"        changed there: {text}" for mark in change.marks for text in mark.texts()]
    if not change.marks:
        lines.append("        no condition that is known changed there")
    if (cause := change.cause()) is not None:
        lines.append(f"        {cause}")
    return lines


def _run_words(run: HistoryRun) -> str:
    commit = f", commit {run.commit}" if run.commit else ""
    return f"{run.moment} ({run.run_id[-6:]}{commit})"


def _print_marks(history: History, console: Console) -> None:
    from rich.text import Text

    elsewhere = [mark for mark in history.marks() if not any(mark in change.marks for change in history.changes)]
    if elsewhere:
        console.print(Text("\nchanged without a change of the level that can be shown:"))
    for mark in elsewhere[-_MARKS_SHOWN:]:
        run = history.series.runs[mark.place]
        another = "another machine; " if mark.is_another_machine else ""
        console.print(Text(printable(f"  {run.moment}  {another}{'; '.join(mark.texts())}")))
    if len(elsewhere) > _MARKS_SHOWN:
        console.print(Text(f"  and {len(elsewhere) - _MARKS_SHOWN} earlier ones (--json has all)"))


def history_json(history: History) -> dict[str, Any]:
    """Everything, for programs."""
    answer, reason = history.answer()
    return {
        "case": history.series.key.label(),
        "answer": answer,
        "reason": reason,
        "runs": [_run_json(run) for run in history.shown],
        "changes": [_change_json(change) for change in history.changes],
        "drifts": [
            {"from_run": history.series.runs[one.first].run_id, **vars(one.drift)}
            for one in history.stretches
            if one.drift is not None and one.end > history.shown_from
        ],
        "marks": [_mark_json(mark, history.series.runs[mark.place]) for mark in history.marks()],
        "code": [_code_json(link) for link in history.code],
        "code_total": None if history.code_total is None else _code_json(history.code_total),
        "smallest_change_found": history.stretches[-1].smallest,
    }


def _run_json(run: HistoryRun) -> dict[str, Any]:
    fields = ("run_id", "median_ms", "low_ms", "high_ms", "status", "commit")
    return {
        **{name: getattr(run, name) for name in fields},
        "round_samples": list(run.round_samples),
        "started_at": run.started_at.isoformat(),
    }


def _change_json(change: HistoryChange) -> dict[str, Any]:
    found = change.change
    return {
        "ratio": found.ratio,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "is_slower": change.is_slower,
        "last_run_before": change.before.run_id,
        "first_run_after": change.after.run_id,
        "changed_there": [text for mark in change.marks for text in mark.texts()],
        "code": None if change.code is None else _code_json(change.code),
    }


def _mark_json(mark: Mark, run: HistoryRun) -> dict[str, Any]:
    return {"run_id": run.run_id, "differences": {name: list(texts) for name, texts in mark.differences.items()}}


def _code_json(link: CommitRatio) -> dict[str, Any]:
    return {**vars(link), "measured_at": link.measured_at.isoformat()}
