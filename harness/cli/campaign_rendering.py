"""A campaign as tables: what will be measured, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cli.figures import counted, milliseconds, printable
from latency_bench.harness.cli.rendering import STATUS_STYLES
from latency_bench.harness.units import duration
from latency_bench.reports.terminal_grid import Heading, print_grid

if TYPE_CHECKING:
    from rich.console import Console

    from latency_bench.harness.campaign.status import CaseStatus

STANDINGS = ("done", "unstable", "failed", "open")


def render_plan(
    name: str, cases: Sequence[CaseStatus], estimates_s: Mapping[str, float | None], console: Console
) -> None:
    """Every case, what it will take, and whether it is done already; then the sum."""
    from rich.text import Text

    headings = [
        Heading("case", wraps=True),
        Heading("rounds", right=True),
        Heading("estimate", right=True),
        Heading("so far", wraps=True),
    ]
    rows = [
        [
            printable(one.planned.label),
            str(one.planned.case.rounds),
            _estimate(estimates_s.get(one.planned.key)) if one.standing == "open" else "",
            _standing(one),
        ]
        for one in cases
    ]
    print_grid(console, headings, rows)
    waiting = [estimates_s.get(one.planned.key) for one in cases if one.standing == "open"]
    known = [seconds for seconds in waiting if seconds is not None]
    words = f"{name}: {_counted(cases)}, {len(waiting)} to measure"
    if known:
        words += f", about {duration(sum(known))} for {len(known)} of them, exports and engines not counted"
    console.print(Text(printable(words)), soft_wrap=True)


def render_summary(name: str, cases: Sequence[CaseStatus], left: Mapping[str, str], console: Console) -> None:
    """How many are done, then every case that is not, and why. `left` has reasons for cases that were not tried."""
    from rich.text import Text

    counts = {standing: sum(one.standing == standing for one in cases) for standing in STANDINGS}
    words = ", ".join(f"{count} {standing}" for standing, count in counts.items() if count)
    if inconclusive := sum(one.is_inconclusive for one in cases):
        words += f"; {inconclusive} inconclusive: measured twice and never shown steady, out of rankings and claims"
    console.print(Text(printable(f"{name}: {_counted(cases)}: {words}")), soft_wrap=True)
    missing = [one for one in cases if one.standing in ("failed", "open")]
    if not missing:
        return
    headings = [
        Heading("case", wraps=True),
        Heading("status", wraps=True),
        Heading("attempts", right=True),
        Heading("why", wraps=True),
    ]
    rows = []
    for one in missing:
        reason = left.get(one.planned.key) or (one.attempt.reason if one.attempt else None)
        rows.append([printable(one.planned.label), _standing(one), str(one.attempts), printable(reason or "not tried")])
    console.print()
    print_grid(console, headings, rows)


def plan_json(
    name: str, cases: Sequence[CaseStatus], estimates_s: Mapping[str, float | None], left: Mapping[str, str]
) -> dict[str, Any]:
    """The same for programs."""
    counts = {standing: sum(one.standing == standing for one in cases) for standing in STANDINGS}
    listed = [
        {
            **one.to_json(),
            "estimate_s": estimates_s.get(one.planned.key),
            **({"reason": left[one.planned.key]} if one.planned.key in left else {}),
        }
        for one in cases
    ]
    inconclusive = sum(one.is_inconclusive for one in cases)
    return {"campaign": name, **counts, "inconclusive": inconclusive, "cases": listed}


def _counted(cases: Sequence[CaseStatus]) -> str:
    """`14 cases and 9 pairs`."""
    from latency_bench.harness.campaign.campaign_plan import PlannedPair

    pairs = sum(isinstance(one.planned, PlannedPair) for one in cases)
    return counted(len(cases) - pairs, "case") + (f" and {counted(pairs, 'pair')}" if pairs else "")


def _standing(one: CaseStatus) -> Any:
    from rich.text import Text

    if one.standing == "open":
        return Text("")
    found = one.attempt.median_ms if one.attempt else None
    words = one.standing if found is None else f"{one.standing}, {milliseconds(found)}"
    if one.attempt is not None and one.attempt.ratio is not None:
        words = f"{one.standing}, {one.attempt.ratio}"
    return Text(words, STATUS_STYLES.get(one.standing, ""))


def _estimate(seconds: float | None) -> str:
    return "unknown" if seconds is None else duration(seconds)
