"""Campaigns on a device that answers at once (scripts/clock_free_device.py): no torch, no time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

import clock_free_device
from loopback_lab import Lab

from latency_bench.devices import parts
from latency_bench.harness.campaign.campaign_plan import Plan
from latency_bench.harness.campaign.case_batch import CampaignSettings
from latency_bench.harness.campaign.one_host import run_campaign
from latency_bench.harness.campaign.state import runs_by_case

MakePlan = Callable[..., Plan]
RunPlan = Callable[..., "Seen"]


class Seen:
    """A Watcher that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.pauses_s: list[float] = []
        self.on_call: Callable[[Seen, str], None] = lambda seen, name: None

    def __getattr__(self, name: str) -> Callable[..., None]:
        def remember(*arguments: Any) -> None:
            self.calls.append((name, arguments[0]))
            self.on_call(self, name)

        return remember

    def of(self, name: str) -> list[Any]:
        return [what for called, what in self.calls if called == name]


@pytest.fixture(autouse=True)
def clock_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(parts._registered, ("runner", "clock-free"), clock_free_device.ClockFreeRunner)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def make_plan(tmp_path: Path) -> MakePlan:
    """make_plan(count, name=..., faults={index: "dies"}, case_batch=...): the same arguments give the same cases."""
    folder = tmp_path / "files"
    folder.mkdir()

    def make(count: int, **fields: Any) -> Plan:
        return clock_free_device.clock_free_plan(folder, count, **fields)

    return make


@pytest.fixture
def new_seen() -> Callable[[Callable[[Seen, str], None]], Seen]:
    """new_seen(on_call): a Watcher that calls `on_call(itself, what it was told)`."""

    def make(on_call: Callable[[Seen, str], None]) -> Seen:
        seen = Seen()
        seen.on_call = on_call
        return seen

    return make


@pytest.fixture
def needs_computers() -> None:
    """Skips where processes cannot have host names and machine ids of their own."""
    tried = subprocess.run(["unshare", "-rum", "true"], check=False, capture_output=True, text=True)
    if tried.returncode != 0 or not Path("/etc/machine-id").exists():
        pytest.skip(f"hosts of their own need user namespaces and /etc/machine-id here: {tried.stderr.strip()}")


@pytest.fixture
def lab(tmp_path: Path, lab_server: str | None) -> Iterator[Lab]:
    lab = Lab(tmp_path, server=lab_server)
    yield lab
    lab.end()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def run_plan(store: Path) -> RunPlan:
    """run_plan(plan): what `bench sweep` does, and what was seen of it."""

    def run(plan: Plan, seen: Seen | None = None) -> Seen:
        seen = seen or Seen()
        settings = CampaignSettings(plan.name, store, ("bench", "sweep"), plan.order_seed, wait=False)
        run_campaign(plan, runs_by_case(plan, store), settings, seen, seen.pauses_s.append)
        return seen

    return run
