"""What a campaign looks like while it runs: a bar on a terminal, lines elsewhere, a table in `bench watch`."""

from __future__ import annotations

import io
import re
import threading
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from rich.console import Console

from latency_bench.devices.runners.base import Progress
from latency_bench.harness.campaign.journal import Journal
from latency_bench.harness.campaign.tally import Tally
from latency_bench.harness.cli.campaign_display import CampaignDisplay
from latency_bench.harness.cli.watch import redrawn, watch

HOSTILE = "b0-seg \x1b[2Jon [red]local[/red]"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def events():
    cases = [
        {
            "case": str(index),
            "label": label,
            "estimate_s": 30.0,
            "rounds": 2,
            "status": "open",
            "median_ms": None,
            "reason": None,
        }
        for index, label in enumerate([HOSTILE, "b1-seg on local", "b2-seg on local"])
    ]
    yield {"event": "plan", "at": 0.0, "name": "c", "cases": cases}
    yield {"event": "started", "at": 0.0, "case": "0"}
    yield {"event": "stage", "at": 1.0, "text": "b0-seg: round 1 of 2"}
    yield {"event": "round", "at": 10.0, "case": "0", "rounds": 1}
    yield {"event": "attempted", "at": 20.0, "case": "0", "status": "done", "median_ms": 12.34, "reason": None}
    failure = {"status": "failed", "median_ms": None, "reason": "export: out of memory"}
    yield {"event": "attempted", "at": 21.0, "case": "1", **failure}
    yield {"event": "left", "at": 22.0, "case": "2", "reason": "local does not answer"}
    yield {"event": "end", "at": 22.0, "how": "finished"}


def shown_on(stream, monkeypatch):
    monkeypatch.setattr("sys.stderr", stream)
    tally = Tally()
    case = SimpleNamespace(spec=SimpleNamespace(id="b0-seg"), rounds=2)
    with CampaignDisplay() as display:
        for event in events():
            tally.apply(event)
            display.event(tally, event)
            if event["event"] == "round":
                display.progress(tally, case, 0, Progress("sampling", 10, 1.0, 12.3))
    return stream.getvalue()


def test_a_terminal_gets_a_bar_with_the_time_left_and_a_line_for_each_case(monkeypatch):
    text = shown_on(Terminal(), monkeypatch)
    assert "\x1b[2J" not in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "0/3" in plain
    assert "about 2 min left" in plain
    assert "b0-seg · round 1 of 2 · sampling · 12.30 ms" in plain
    assert "1 failed" in plain
    assert "[1/3]" in plain
    assert "[red]local[/red]: 12.34 ms" in plain


def test_elsewhere_there_are_plain_lines(monkeypatch):
    text = shown_on(io.StringIO(), monkeypatch)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert all(line.startswith("bench: ") for line in lines)
    assert lines[0] == "bench: c: 3 cases, 3 to measure, about 2 min left"
    assert lines[-1] == "bench: [3/3] b2-seg on local: left: local does not answer (nothing left)"


@pytest.mark.parametrize("rows", [20, 1])
def test_a_table_shows_first_what_matters(rows):
    tally = Tally()
    for event in list(events())[:-1]:
        tally.apply(event)
    console = Console(file=io.StringIO(), width=120)
    console.print(redrawn(tally, running=True, most_rows=rows))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "\x1b" not in text
    assert "3 cases: 1 done, 1 failed, 1 left" in text
    after = "and 2 more" if rows == 1 else "b0-seg \N{REPLACEMENT CHARACTER}"
    assert text.index("b1-seg") < text.index(after)
    assert "export: out of memory" in text


def test_watching_a_running_campaign_prints_lines_until_its_end(tmp_path):
    store = tmp_path / "store"
    said = list(events())
    with Journal(store, "c") as journal:
        for event in said[:4]:
            journal.write(event)
        later = threading.Timer(0.3, lambda: [journal.write(event) for event in said[4:]])
        later.start()
        found = CliRunner().invoke(watch, ["--store", str(store)], standalone_mode=False)
        later.join()
    assert found.exception is None
    lines = found.output.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("c: 3 cases")
    assert lines[2].startswith("[2/3] b1-seg on local: failed: export: out of memory")
