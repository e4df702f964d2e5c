"""Ten families of timm through the converter of every runtime: does what comes out compute the model?

    python scripts/converter_trial.py                             # all families, all runtimes on a processor
    python scripts/converter_trial.py --runtime ncnn --family resnet18

Each is one short `bench run`, whose outputs are compared with the fp32 module by value; latencies are not looked at.
Prints a table: `passed`, or the reason in the run's own words.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench_worker.runtimes import runtime_class, runtime_names

FAMILIES = (
    "resnet18",
    "mobilenetv3_small_100",
    "mobilenetv4_conv_small",
    "efficientnet_b0",
    "regnety_002",
    "convnext_atto",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "fastvit_t8",
    "efficientformerv2_s0",
)
PROTOCOL = """\
name: trial
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 60, window: 0}
sampling: {min_count: 1, max_count: 2, min_s: 0, max_s: 60, relative_interval: null}
"""


def outcome(family: str, runtime: str, precision: str, folder: Path) -> str:
    """`passed` with the largest error, or why not."""
    words = ["run", "--model", f"timm:{family}", "--runtime", runtime, "--precision", precision, "--threads", "1"]
    where = ["--protocol", str(folder / "trial.yaml"), "--store", str(folder / "store"), "--quiet", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "latency_bench", *words, *where], check=False, capture_output=True, text=True
    )
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
    if result.get("failure"):
        return str(result["failure"]["message"])
    fidelity = result["fidelity"] or {}
    errors = [metrics["max_rel"] for metrics in (fidelity.get("metrics") or {}).values() if "max_rel" in metrics]
    word = {True: "passed", None: "not checked"}.get(fidelity.get("passed"), "not passed")
    return f"{word} {max(errors):.0e}" if errors else word


def table(families: Sequence[str], runtimes: Sequence[str], precision: str) -> int:
    """Print a row a family; how many did not pass."""
    print(f"| family | {' | '.join(runtimes)} |")
    print(f"|---|{'---|' * len(runtimes)}", flush=True)
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trial.yaml").write_text(PROTOCOL, encoding="utf-8")
        for family in families:
            cells = [outcome(family, runtime, precision, folder) for runtime in runtimes]
            missed += sum(not cell.startswith("passed") for cell in cells)
            print(f"| `{family}` | {' | '.join(cell.replace('|', '/') for cell in cells)} |", flush=True)
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--family", action="append", help="repeatable; a model of timm")
    parser.add_argument("--runtime", action="append", help="repeatable; default: all that compute on a processor")
    parser.add_argument("--precision", default="fp32")
    options = parser.parse_args()
    here = [name for name in runtime_names() if not runtime_class(name).ON_GPU]
    runtimes = options.runtime or [name for name in here if options.precision in runtime_class(name).PRECISIONS]
    return 1 if table(options.family or FAMILIES, runtimes, options.precision) else 0


if __name__ == "__main__":
    sys.exit(main())
