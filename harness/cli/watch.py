"""`bench watch`: follow a running campaign, of this process or another, from its journal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from latency_bench.harness.cli.examples import Command
from latency_bench.harness.cli.output import json_option, print_json, store_option

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from latency_bench.harness.campaign.following import Follower
    from latency_bench.harness.campaign.tally import CaseTally, Tally

_POLL_S = 1.0
_STYLES = {"done": "green", "unstable": "yellow", "failed": "red", "left": "red", "running": "bold cyan", "open": "dim"}
_FIRST = ("running", "failed", "left", "unstable", "open", "done")
"""What is worth a line of a small terminal, the most first."""
_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("case", "left"),
    ("", "left"),
    ("rounds", "right"),
    ("median or ratio", "right"),
    ("why", "left"),
)
_ROWS_AROUND = 6
"""Lines of a terminal that are not the table's."""


@click.command(
    cls=Command,
    examples=["bench watch  # the campaign that was last written to", "bench watch cpu-segmentation --once --json"],
)
@click.argument("name", required=False)
@click.option("--once", is_flag=True, help="Show the current state once, and do not follow it.")
@store_option
@json_option
def watch(name: str | None, once: bool, store: str | None, as_json: bool) -> int:
    """Follow the campaign NAME of a store until it ends; without a NAME, the one that was last written to."""
    from latency_bench.harness.campaign.following import Follower
    from latency_bench.harness.campaign.journal import campaign_names
    from latency_bench.harness.errors import UsageError
    from latency_bench.harness.store.location import store_location

    place = store_location(store)
    known = campaign_names(place)
    chosen = name or (known[0] if known else None)
    if chosen is None or chosen not in known:
        there = f"its campaigns are {', '.join(known)}" if known else "`bench sweep` begins one"
        raise UsageError(f"there is no campaign {f'called {name!r} ' if name else ''}in {place}; {there}")
    with Follower(place, chosen) as follower:
        follower.read()
        if as_json:
            print_json(_json(follower))
        elif once or not follower.is_running():
            _print(follower, place)
        elif sys.stdout.isatty():
            _follow_live(follower)
        else:
            _follow_lines(follower)
    return 0


def _follow_live(follower: Follower) -> None:
    from rich.live import Live

    from latency_bench.harness.cli.output import stdout_console

    console = stdout_console()
    # On the other screen, so that nothing is left of a table that was redrawn for hours.
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            running = follower.is_running()
            follower.read()
            rows = console.size.height - _ROWS_AROUND - len(follower.tally.hosts)
            live.update(redrawn(follower.tally, running, rows), refresh=True)
            if not running:
                break
            time.sleep(_POLL_S)
    _print_all(follower.tally, False, console)


def _follow_lines(follower: Follower) -> None:
    from latency_bench.harness.cli.campaign_display import event_line

    click.echo(event_line(follower.tally, {"event": "plan"}))
    for event in follower.events():
        line = event_line(follower.tally, event)
        if line:
            click.echo(line)


def _print(follower: Follower, store: Path) -> None:
    from latency_bench.harness.cli.output import stdout_console

    _print_all(follower.tally, follower.is_running(), stdout_console())


def _print_all(tally: Tally, running: bool, console: Console) -> None:
    """Figures, then every case with all that is known of it."""
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.terminal_grid import Heading, print_grid

    console.print(_headline(tally, running))
    console.print(Text(printable(tally.stage) if running else "", "dim"))
    for host in _hosts(tally, running):
        console.print(host)
    headings = [Heading(title, justify == "right", title in ("case", "why")) for title, justify in _COLUMNS]
    print_grid(console, headings, [_cells(case) for case in _in_order(tally)])


def _in_order(tally: Tally) -> list[CaseTally]:
    return sorted(tally.cases.values(), key=lambda case: _FIRST.index(case.standing))


def redrawn(tally: Tally, running: bool, most_rows: int) -> RenderableType:
    """The same for a screen that is redrawn: a line a case, shortened to the screen's width; where there is no room for
    all, those that matter most."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable

    shown = _in_order(tally)
    hidden = max(0, len(shown) - max(1, most_rows))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for title, justify in _COLUMNS:
        table.add_column(title, justify=justify, overflow="ellipsis", no_wrap=True)
    for case in shown[: len(shown) - hidden]:
        table.add_row(*_cells(case))
    more = Text(f"and {hidden} more", "dim") if hidden else Text("")
    now = Text(printable(tally.stage) if running else "", "dim")
    return Group(_headline(tally, running), now, *_hosts(tally, running), table, more)


def _headline(tally: Tally, running: bool) -> Any:
    from rich.text import Text

    from latency_bench.harness.cli.campaign_display import time_left
    from latency_bench.harness.cli.figures import printable

    counts = [
        (standing, tally.count(standing)) for standing in ("done", "unstable", "failed", "left", "running", "open")
    ]
    words = ", ".join(f"{count} {standing}" for standing, count in counts if count)
    state = time_left(tally.left_s()) if running else tally.ended or "not running; it was killed"
    return Text.assemble((printable(tally.name), "bold"), f"  {len(tally.cases)} cases: {words}  ({state})")


def _hosts(tally: Tally, running: bool) -> list[Any]:
    """A line a host of a cluster: where it is, and its last word."""
    from rich.text import Text

    from latency_bench.harness.cli.campaign_display import host_line
    from latency_bench.harness.cli.figures import printable

    if not running:
        return []
    return [
        Text.assemble(
            (host_line(tally, name), "" if host.state == "here" else "red"),
            (printable(f"  {host.word}") if host.word else "", "dim"),
        )
        for name, host in sorted(tally.hosts.items())
    ]


def _cells(case: CaseTally) -> list[Any]:
    from rich.text import Text

    from latency_bench.harness.cli.figures import milliseconds, printable

    return [
        Text(printable(case.label)),
        Text(case.standing, _STYLES[case.standing]),
        f"{case.rounds_done}/{case.rounds}" if case.rounds_done else "",
        Text(printable(case.ratio or "")) if case.median_ms is None else milliseconds(case.median_ms),
        Text(printable(case.reason or ""), "red" if case.standing in ("failed", "left") else ""),
    ]


def _json(follower: Follower) -> dict[str, Any]:
    tally = follower.tally
    cases = [
        {
            "case": key,
            "label": case.label,
            "status": case.standing,
            "rounds_done": case.rounds_done,
            "rounds": case.rounds,
            "median_ms": case.median_ms,
            "ratio": case.ratio,
            "reason": case.reason,
        }
        for key, case in tally.cases.items()
    ]
    running = follower.is_running()
    left_s = tally.left_s() if running else None
    hosts = [
        {"host": name, "devices": list(host.devices), "state": host.state, "since": host.since, "word": host.word}
        for name, host in sorted(tally.hosts.items())
    ]
    return {
        "campaign": tally.name,
        "running": running,
        "ended": tally.ended,
        "left_s": left_s,
        "waiting_for_a_host": tally.devices_without_host(),
        "hosts": hosts,
        "cases": cases,
    }
