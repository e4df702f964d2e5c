"""The same campaign from two computers into one bucket: one of them runs it. On a real server that speaks S3."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback_lab import as_computer, wait_for

from latency_bench.harness.campaign import address_claim
from latency_bench.harness.campaign.address_claim import claimed
from latency_bench.harness.campaign.case_batch import CampaignSettings
from latency_bench.harness.campaign.one_host import run_campaign
from latency_bench.harness.campaign.state import runs_by_case
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.address import Address
from latency_bench.harness.store.errors import NotAskedWarning, StoreError
from latency_bench.harness.store.location import store_location
from latency_bench.harness.store.reader import run_names

COMPUTER = Path(__file__).parent / "claiming_computer.py"


@pytest.fixture
def url(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(address_claim, "RENEW_S", 0.1)
    monkeypatch.setattr(address_claim, "LEASE_S", 30.0)
    return s3_url


def _quiet(_: str) -> None:
    return


def refusal(check: Callable[[], None]) -> StoreError | None:
    try:
        check()
    except StoreError as error:
        return error
    return None


def test_of_many_that_write_at_once_one_succeeds(url: str) -> None:
    places = [Address(url) for _ in range(8)]
    wrote: list[bool] = []
    threads = [threading.Thread(target=lambda one=one: wrote.append(one.put_new("x", b"1"))) for one in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wrote) == [False] * 7 + [True]


def test_a_campaign_that_runs_is_refused_elsewhere_with_who_runs_it(url: str) -> None:
    store = store_location(url)
    with claimed(store, "one", _quiet):
        with (
            pytest.raises(UsageError, match=r"'one' is running already \(process \d+ on "),
            claimed(store, "one", _quiet),
        ):
            pass
        with claimed(store, "two", _quiet):
            pass
    with claimed(store, "one", _quiet):
        pass


def test_a_holder_that_stands_still_is_followed_and_notices(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_location(url)
    stages: list[str] = []
    with claimed(store, "one", _quiet) as check:
        check()
        real, cut = Address.put, threading.Event()

        def put(self: Address, path: str, content: bytes) -> None:
            if cut.is_set():
                raise StoreError("the link is down")
            real(self, path, content)

        monkeypatch.setattr(Address, "put", put)
        cut.set()
        monkeypatch.setattr(address_claim, "LEASE_S", 1.0)
        with claimed(store, "one", stages.append):
            wait_for(lambda: refusal(check), "the first holder to notice")
            assert "was taken over by process" in str(refusal(check))
    assert "is claimed by process" in stages[0]


def test_an_address_that_does_not_answer_stops_no_campaign(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_location(url)

    def away(*_: Any, **__: Any) -> None:
        raise StoreError("nobody answers.")

    monkeypatch.setattr(Address, "files", away)
    with pytest.warns(NotAskedWarning, match="cannot be told"), claimed(store, "one", _quiet) as check:
        check()


def test_two_computers_measure_every_case_once(
    url: str,
    make_plan: Callable[..., Any],
    new_seen: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second is refused while the first measures, and finds nothing left to do afterwards."""
    plan = make_plan(3)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "a"))
    first = store_location(url)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "b"))
    second = store_location(url)
    assert first != second

    def campaign(store: Path, seen: Any) -> None:
        with claimed(store, plan.name, _quiet) as check:
            settings = CampaignSettings(plan.name, store, ("bench", "sweep"), 0, False, check=check)
            run_campaign(plan, runs_by_case(plan, store), settings, seen)

    refused: list[str] = []

    def try_meanwhile(seen: Any, name: str) -> None:
        if name == "attempted" and not refused:
            with pytest.raises(UsageError, match="is running already") as caught:
                campaign(second, new_seen(lambda seen, name: None))
            refused.append(str(caught.value))

    campaign(first, new_seen(try_meanwhile))
    assert refused
    seen = new_seen(lambda seen, name: None)
    campaign(second, seen)
    assert seen.of("started") == []
    assert [len(found.rows) for found in runs_by_case(plan, second).values()] == [1, 1, 1]


def test_of_two_computers_that_begin_at_once_one_measures_and_the_other_says_who(
    s3_url: str, tmp_path: Path, needs_computers: None
) -> None:
    """Processes with host names and machine ids of their own."""

    def begin(name: str, folder: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(COMPUTER), s3_url, str(tmp_path / folder), "3"]
        command = as_computer(tmp_path, name, name[-1] * 32, command)
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    both = {name: begin(name, name) for name in ("lab-a", "lab-b")}
    wait_for(lambda: any(one.poll() is not None for one in both.values()), "one of them to be refused")
    (tmp_path / "go").touch()
    said = {name: one.communicate()[0] for name, one in both.items()}
    loser, winner = sorted(both, key=lambda name: -both[name].returncode)
    assert (both[winner].returncode, both[loser].returncode) == (0, 3)
    assert f" on {winner})" in said[loser]
    assert len(set(said[winner].split())) == 4, "three cases, each begun once"
    again = begin(loser, "again")
    assert (again.communicate()[0], again.returncode) == ("", 0)
    assert len(run_names(store_location(s3_url))) == 3
