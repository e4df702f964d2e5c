"""Random faults in a lab with hosts, a scheduler and a bucket, over and over, and a look at what is left.

    python scripts/fleet_faults.py --faults 300 --campaigns 20

Each campaign runs on devices that answer at once (clock_free_device.py), on hosts that are processes of this computer
(loopback_lab.py), behind proxies (faulty_proxy.py) before the real scheduler and before a real server that speaks S3.
Meanwhile faults of random kinds happen, one after the other. At its end every case has to have exactly one result at
the address, whole, or a reason why there is none. Prints a Markdown table; exits with 1 if anything was lost, double,
torn or without a reason.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parent))

import clock_free_device
from fault_trial import SilentWatcher, end_with, settings_of, use_own_places
from faulty_proxy import FaultyProxy
from loopback_lab import Lab, plan_on

HOSTS = ("bench-a", "bench-b", "bench-c")
_LASTS_S = 1.5
"""How long a fault of the bucket or of a link lasts."""


@dataclass
class Counts:
    """Over all campaigns."""

    campaigns: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    cases: int = 0
    done: int = 0
    failed: int = 0
    """With their reason."""
    unexplained: int = 0
    double: int = 0
    torn: int = 0
    ended: int = 0
    """Campaigns that came to their end by themselves."""

    @property
    def is_clean(self) -> bool:
        return not (self.unexplained or self.double or self.torn) and self.ended == self.campaigns


class Watcher(SilentWatcher):
    """Remembers why cases failed."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def attempted(self, attempt: Any) -> None:
        if attempt.failed:
            self.reasons[attempt.key] = attempt.reason or ""

    def left(self, planned: Any, reason: str) -> None:
        self.reasons[planned.key] = reason


@dataclass
class Fleet:
    """What faults happen to."""

    lab: Lab
    link: FaultyProxy
    """Between the campaign and the scheduler."""
    host_links: FaultyProxy
    """Between the hosts and the scheduler."""
    bucket: FaultyProxy
    hosts: dict[str, Any] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.hosts[name] = self.lab.host(name, scheduler=f"tcp://127.0.0.1:{self.host_links.port}")

    def kill_host(self, name: str) -> None:
        self.hosts[name].kill()
        self.hosts[name].wait()
        self.start(name)

    def freeze_host(self, name: str) -> None:
        os.kill(self.hosts[name].pid, signal.SIGSTOP)
        time.sleep(_LASTS_S)
        os.kill(self.hosts[name].pid, signal.SIGCONT)

    def break_host(self, name: str) -> None:
        mark = self.lab.said / f"incomplete-{self.hosts[name].pid}"
        mark.touch()
        time.sleep(_LASTS_S)
        mark.unlink()

    def cut_link(self, _: str) -> None:
        self.link.cut()

    def cut_hosts_off(self, _: str) -> None:
        self.host_links.fault = "refuse"
        self.host_links.cut()
        time.sleep(_LASTS_S)
        self.host_links.fault = None

    def slow_link(self, _: str) -> None:
        self.link.delay_s = self.host_links.delay_s = 0.3
        time.sleep(_LASTS_S)
        self.link.delay_s = self.host_links.delay_s = 0.0

    def restart_scheduler(self, _: str) -> None:
        self.lab.restart_scheduler()

    def fail_bucket(self, _: str) -> None:
        self.bucket.fault = random.choice([500, 503, "refuse"])
        self.bucket.cut()
        time.sleep(_LASTS_S)
        self.bucket.fault = None

    def silence_bucket(self, _: str) -> None:
        self.bucket.fault = "hang"
        time.sleep(_LASTS_S)
        self.bucket.fault = None


FAULTS = (
    "kill_host",
    "freeze_host",
    "break_host",
    "cut_link",
    "cut_hosts_off",
    "slow_link",
    "restart_scheduler",
    "fail_bucket",
    "silence_bucket",
)


def run_campaigns(folder: Path, campaigns: int, faults: int, cases: int, seed: int) -> Counts:
    """So many campaigns, the faults shared among them."""
    from moto.server import ThreadedMotoServer

    clock_free_device.register()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    counts, generator = Counts(), random.Random(seed)
    with FaultyProxy(*server.get_host_and_port()) as bucket:
        os.environ.update(
            AWS_ACCESS_KEY_ID="testing",
            AWS_SECRET_ACCESS_KEY="testing",
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{bucket.port}",
        )
        for number in range(campaigns):
            share = faults // campaigns + (number < faults % campaigns)
            place = folder / f"campaign-{number}"
            place.mkdir()
            _one_campaign(place, bucket, share, cases, generator, counts)
            print(f"campaign {counts.campaigns} of {campaigns}: {counts}", file=sys.stderr, flush=True)
    server.stop()
    return counts


def _one_campaign(
    folder: Path, bucket: FaultyProxy, faults: int, cases: int, generator: random.Random, counts: Counts
) -> None:
    import fsspec

    from latency_bench.harness.campaign.campaign_file import Retry
    from latency_bench.harness.campaign.cluster import connected
    from latency_bench.harness.campaign.state import runs_by_case
    from latency_bench.harness.store import address
    from latency_bench.harness.store.location import store_location

    address.AWAY_S = 0.5
    use_own_places(folder)
    name = f"bench-{folder.name}-{os.getpid()}"
    fsspec.filesystem("s3", use_listings_cache=False).mkdir(name)
    store = store_location(f"s3://{name}/runs")
    lab = Lab(folder)
    try:
        with FaultyProxy("127.0.0.1", lab.port) as link, FaultyProxy("127.0.0.1", lab.port) as host_links:
            fleet = Fleet(lab, link, host_links, bucket)
            for host in HOSTS:
                fleet.start(host)
            with connected(lab.settings(f"tcp://127.0.0.1:{link.port}")) as cluster:
                retry = Retry(attempts=5, wait_s=0.5, unreachable=20)
                plan = plan_on(lab, cluster, list(HOSTS), cases, retry=retry)
                watcher, runs = Watcher(), runs_by_case(plan, store)
                over = threading.Event()
                trouble = threading.Thread(target=_make_trouble, args=(fleet, faults, generator, over, counts))
                trouble.start()
                try:
                    cluster.run(plan, runs, settings_of(plan, store), watcher)
                    counts.ended += 1
                finally:
                    over.set()
                    trouble.join()
            _count(plan, store, watcher, counts)
    finally:
        lab.end()
    counts.campaigns += 1


def _make_trouble(fleet: Fleet, faults: int, generator: random.Random, over: threading.Event, counts: Counts) -> None:
    """All of them, also where the campaign has ended already: what was sent must not suffer either."""
    for _ in range(faults):
        over.wait(generator.uniform(0.2, 1.0))
        kind = generator.choice(FAULTS)
        getattr(fleet, kind)(generator.choice(HOSTS))
        counts.faults[kind] += 1


def _count(plan: Any, store: Path, watcher: Watcher, counts: Counts) -> None:
    from latency_bench.harness.campaign.state import runs_by_case
    from latency_bench.harness.store import mirrors
    from latency_bench.harness.store.verify import verify_store

    mirror = mirrors.mirror_of(store)
    assert mirror is not None
    time.sleep(1.0)
    mirror.forget_listing()
    left = mirror.send_pending(conflicts=True)
    counts.torn += len(verify_store(store).findings) + len(left)
    for key, found in runs_by_case(plan, store).items():
        done = sum(row["status"] != "failed" for row in found.rows)
        counts.cases += 1
        counts.done += done == 1
        counts.double += done > 1
        counts.failed += done == 0 and bool(watcher.reasons.get(key))
        counts.unexplained += done == 0 and not watcher.reasons.get(key)


@click.command()
@click.option("--faults", default=300, show_default=True)
@click.option("--campaigns", default=20, show_default=True)
@click.option("--cases", default=6, show_default=True, help="On each of three devices.")
@click.option("--folder", type=click.Path(exists=True, file_okay=False), help="Where everything lies meanwhile.")
@click.option("--seed", default=0, show_default=True)
def main(faults: int, campaigns: int, cases: int, folder: str | None, seed: int) -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="bench-fleet-", dir=folder) as scratch:
        counts = run_campaigns(Path(scratch), campaigns, faults, cases, seed)
    kinds = (f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(counts.faults.items()))
    print(", ".join(kinds), file=sys.stderr)
    table = {
        "campaigns": counts.campaigns,
        "ended": counts.ended,
        "faults": counts.faults.total(),
        "cases": counts.cases,
        "done once": counts.done,
        "failed, with reason": counts.failed,
        "no reason": counts.unexplained,
        "double": counts.double,
        "torn": counts.torn,
    }
    end_with(table, counts.is_clean)


if __name__ == "__main__":
    main()
