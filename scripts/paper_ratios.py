"""Measure the ratios of the paper on one device: Tables 2 to 5 with paired speed-ups, and Figure 4 runtime by runtime.

    python scripts/paper_ratios.py --device desk --hours 8
    python scripts/paper_ratios.py --device desk --older-tflite desk-tflite-2.14 --list

Each part is a `bench` command, one thread, and goes on where it stopped: end this at any time, and start it again. When
the hours are over, the command under way is interrupted; what it has finished is in the store. `bench report` and
`bench attention --from-store` show what was measured; where an interval is wider than asked, they say what more costs.
`--older-tflite` names a device whose `python` has tflite-runtime 2.14.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROTOCOL = "results/epyc-milan-protocol.yaml"
TABLES = ("3", "4", "2", "5")
"""The quick ones first."""
RUNTIMES = ("litert", "onnxruntime", "torch")
TABLE_WITHIN = "10%"
"""From end to end: 5 % to either side."""
TABLE_MINUTES = "8"
"""Enough for four pairs of processes of the largest networks, a minute a request; the others are done before."""
ATTENTION_WITHIN = "3%"
_END_S = 60.0


def commands(device: str, older_tflite: str | None, store: str) -> list[list[str]]:
    """In the order in which they are measured."""
    common = ["--threads", "1", "--store", store]
    found = [["attention", "--device", device, "--runtime", name, *_attention(), *common] for name in RUNTIMES]
    if older_tflite:
        found.append(["attention", "--device", older_tflite, *_attention(), *common])
    for number in TABLES:
        how = ["--protocol", PROTOCOL, "--rounds", "4", "--within", TABLE_WITHIN, "--pair-minutes", TABLE_MINUTES]
        found.append(["sweep", "--table", number, "--device", device, *how, *common])
    return found


def _attention() -> list[str]:
    return ["--within", ATTENTION_WITHIN, "--pair-minutes", "10"]


def run(parts: Sequence[Sequence[str]], hours: float) -> int:
    """Each command as far as the time goes; 1 if one of them failed or did not end."""
    ends_s = time.monotonic() + 3600 * hours
    codes = []
    for part in parts:
        left_s = ends_s - time.monotonic()
        if left_s <= 0:
            print(f"no time is left for: bench {' '.join(part)}", flush=True)
            codes.append(1)
            continue
        print(f"bench {' '.join(part)}", flush=True)
        process = subprocess.Popen([sys.executable, "-m", "latency_bench", *part], cwd=ROOT)
        try:
            codes.append(process.wait(left_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            codes.append(process.wait(_END_S))
    return 1 if any(codes) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="local")
    parser.add_argument("--older-tflite", metavar="DEVICE")
    parser.add_argument("--store", default="results")
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--list", action="store_true", help="print the commands and measure nothing")
    options = parser.parse_args()
    parts = commands(options.device, options.older_tflite, options.store)
    if options.list:
        print("\n".join(f"bench {' '.join(part)}" for part in parts))
        return 0
    return run(parts, options.hours)


if __name__ == "__main__":
    sys.exit(main())
