"""A computer that runs a campaign into a store at an address: `claiming_computer.py ADDRESS FOLDER CASES`.

Measures only once a file `go` is in FOLDER's parent. Prints a line for each case that it began; exits with 3, and says
why, where another computer runs the campaign.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

import clock_free_device
from fault_trial import SilentWatcher, settings_of, use_own_places

from latency_bench.harness.campaign import address_claim
from latency_bench.harness.campaign.address_claim import claimed
from latency_bench.harness.campaign.one_host import run_campaign
from latency_bench.harness.campaign.state import runs_by_case
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.location import store_location


class Watcher(SilentWatcher):
    def __init__(self, go: Path) -> None:
        self._go = go

    def started(self, planned: Any) -> None:
        print(f"began {planned.key}", flush=True)
        while not self._go.exists():
            time.sleep(0.05)


def main(url: str, folder: Path, cases: int) -> int:
    address_claim.RENEW_S = 0.2
    folder.mkdir()
    use_own_places(folder)
    (folder / "files").mkdir()
    plan = clock_free_device.clock_free_plan(folder / "files", cases)
    store = store_location(url)
    try:
        with claimed(store, plan.name, lambda _: None):
            run_campaign(plan, runs_by_case(plan, store), settings_of(plan, store), Watcher(folder.parent / "go"))
    except UsageError as error:
        print(f"refused: {error}", flush=True)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
