"""Everything that somebody with patience would try to break, one after the other: about an hour on a quiet machine.

    python scripts/trial.py                  all parts
    python scripts/trial.py --scale 0.1      a tenth of the counts
    python scripts/trial.py --only signals

Prints a line of Markdown for each part, with what it said last, and ends with code 1 if one of them found something.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
COUNTED: dict[str, tuple[str, str, int]] = {
    "signals": ("signal_trial.py", "--count", 1000),
    "records": ("fuzz_records.py", "--count", 100),
    "fuzz": ("fuzz_parsers.py", "--count", 1_000_000),
    "campaigns": ("campaign_kills.py", "--kills", 300),
    "writers": ("store_faults.py", "--runs", 500),
}
"""Program of each part, its option for how often, and how often."""
TESTED: dict[str, tuple[str, ...]] = {
    "links": ("tests/devices/ssh/test_ssh_stages.py", "tests/devices/ssh/test_ssh_transport.py"),
    "archives": ("tests/harness/store/test_archive.py", "tests/harness/store/test_hostile_content.py"),
    "floods": ("tests/devices/transports/test_floods.py", "tests/devices/ssh/test_ssh_hostile.py"),
}
"""Parts that are tests already."""


def command_of(part: str, scale: float) -> list[str]:
    if part in TESTED:
        return [sys.executable, "-m", "pytest", "-q", "-n", "0", *TESTED[part]]
    program, option, count = COUNTED[part]
    return [sys.executable, str(ROOT / "scripts" / program), option, str(max(2, round(count * scale)))]


def tried(part: str, command: Sequence[str]) -> bool:
    """Run it and print its line; whether it found nothing."""
    began_s = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()
    outcome = said[-1].strip("= ").replace("|", "/")
    print(f"| {part} | {outcome} | {time.monotonic() - began_s:.0f} s |", flush=True)
    if done.returncode != 0:
        print("\n".join(said[-40:]), done.stderr[-2000:], file=sys.stderr)
    return done.returncode == 0


@click.command()
@click.option("--only", type=click.Choice([*COUNTED, *TESTED]), multiple=True, help="Only these parts.")
@click.option("--scale", default=1.0, show_default=True, help="Counts, as a share of the usual ones.")
def main(only: tuple[str, ...], scale: float) -> None:
    """Print the table."""
    print("| part | outcome | time |\n|---|---|---:|")
    outcomes = [tried(part, command_of(part, scale)) for part in only or [*COUNTED, *TESTED]]
    sys.exit(0 if all(outcomes) else 1)


if __name__ == "__main__":
    main()
