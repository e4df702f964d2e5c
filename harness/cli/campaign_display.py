"""How a campaign goes on, on stderr: a bar with the time left on a terminal, plain lines elsewhere.

Nothing is redrawn while a sample is taken: the bar moves when the device says something, at most once a second.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.figures import milliseconds, printable
from latency_bench.harness.units import duration

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from latency_bench.devices.runners.base import Progress
    from latency_bench.harness.campaign.tally import Tally
    from latency_bench.harness.case import Case


class CampaignDisplay:
    """A Display (harness/campaign/narration.py). Use as a context manager, so that the bar is cleared at the end."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Bar | None = _bar() if sys.stderr.isatty() and not quiet else None

    def __enter__(self) -> CampaignDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def event(self, tally: Tally, event: dict[str, Any]) -> None:
        if self._quiet:
            return
        line = event_line(tally, event)
        if self._bar is None:
            if line or event["event"] == "stage":
                click.echo(f"bench: {line or printable(event['text'])}", err=True)
            return
        if line:
            self._bar.console.print(line, markup=False, highlight=False)
        self._show(tally, tally.stage)

    def progress(self, tally: Tally, case: Case, round_index: int, progress: Progress) -> None:
        if self._bar is None:
            return
        words = [case.spec.id, f"round {round_index + 1} of {case.rounds}", progress.stage]
        if progress.median_ms is not None:
            words.append(f"{milliseconds(progress.median_ms)}")
        self._show(tally, " · ".join(words))

    def _show(self, tally: Tally, now: str) -> None:
        assert self._bar is not None
        if not self._bar.tasks:
            self._bar.add_task("", total=len(tally.cases), left="", failed="")
        self._bar.update(
            self._bar.tasks[0].id,
            total=len(tally.cases),
            completed=tally.count("done", "unstable", "failed", "left"),
            description=printable(now)[:60],
            left=time_left(tally.left_s()),
            failed=failures(tally),
        )
        self._bar.refresh()


def event_line(tally: Tally, event: dict[str, Any]) -> str | None:
    """A line of a log for an event that deserves one."""
    if event["event"] == "plan":
        waiting = tally.count("open", "running")
        return printable(f"{tally.name}: {len(tally.cases)} cases, {waiting} to measure, {time_left(tally.left_s())}")
    if event["event"] == "host":
        return host_line(tally, str(event["host"]))
    if event["event"] not in ("attempted", "left"):
        return None
    case = tally.cases[event["case"]]
    over = tally.count("done", "unstable", "failed", "left")
    found = case.ratio or f"{case.standing}: {case.reason}"
    if case.median_ms is not None:
        found = milliseconds(case.median_ms)
    note = ", unstable" if case.standing == "unstable" else ""
    return printable(f"[{over}/{len(tally.cases)}] {case.label}: {found}{note} ({time_left(tally.left_s())})")


def host_line(tally: Tally, name: str) -> str:
    """A host of a cluster, its state, and what it means for the cases that wait."""
    host = tally.hosts[name]
    devices = ", ".join(host.devices) or "exports"
    since = time.strftime("%H:%M:%S", time.localtime(host.since))
    state = f"here since {since}" if host.state == "here" else f"{host.state} since {since}"
    waiting = [device for device in tally.devices_without_host() if device in host.devices]
    wait = f"; the cases on {', '.join(waiting)} wait until a host has it" if waiting else ""
    return printable(f"host {name} ({devices}): {state}{wait}")


def failures(tally: Tally) -> str:
    """How many failed, in words; nothing where none did."""
    failed = tally.count("failed", "left")
    return f"{failed} failed" if failed else ""


def time_left(seconds: float | None) -> str:
    """`about 1 h 20 min left`; that it is unknown, where it is."""
    if seconds == 0:
        return "nothing left"
    return "time left unknown" if seconds is None else f"about {duration(seconds)} left"


def _bar() -> Bar:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from latency_bench.harness.cli.output import stderr_console

    return Progress(
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[left]}", style="cyan"),
        TextColumn("{task.fields[failed]}", style="red"),
        TextColumn("{task.description}", style="dim", markup=False),
        console=stderr_console(),
        auto_refresh=False,
        transient=True,
    )
