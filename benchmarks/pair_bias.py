"""What taking turns does to a ratio: models against themselves, whose ratio is 1, by turns and in blocks. As Markdown.

    python benchmarks/pair_bias.py [--store DIR] [--runtime litert] [--within 0.5%] [--max-minutes 10]

On a quiet machine: nothing else may run, and the result says nothing about one where something does. The small model
fits into the caches, the next about fills them, the large one streams through them; each beside itself, and the small
one beside the large.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from latency_bench.harness.cli.pair import Share, pair_request
from latency_bench.harness.cli.progress import ProgressLine
from latency_bench.harness.pairs.pair_run import measure_pair
from latency_bench.harness.store.pair_record import Interval, PairRecord

SMALL = "b0-cls-r224@{runtime},resolution=64x64"
CACHE_SIZED = "b1-cls-r224@{runtime}"
LARGE = "b1-seg@{runtime},resolution=512x1024"
PAIRS = (
    ("small beside itself", SMALL, SMALL),
    ("cache-sized beside itself", CACHE_SIZED, CACHE_SIZED),
    ("large beside itself", LARGE, LARGE),
    ("large beside small", LARGE, SMALL),
)
_HEADINGS = (
    "pair",
    "by turns",
    "in blocks",
    "first request after a change, A, B",
    "by turns over alone, A, B",
    "turns",
    "pairs",
    "minutes",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--store", type=Path, default=Path("results"), help="where the pairs are kept")
    parser.add_argument("--runtime", default="litert")
    parser.add_argument("--within", default="0.5%", help="width of the interval that is asked for")
    parser.add_argument("--max-minutes", type=float, default=10.0, help="a pair")
    options = parser.parse_args()
    within = Share().convert(options.within, None, None)
    print(f"| {' | '.join(_HEADINGS)} |\n|{'---|' * len(_HEADINGS)}")
    for name, *sides in PAIRS:
        texts = [side.format(runtime=options.runtime) for side in sides]
        request = pair_request(
            texts, within=within, max_minutes=options.max_minutes, seed=0, device_name="local", protocol="standard"
        )
        with ProgressLine() as progress:
            record, _ = measure_pair(request, options.store, ["python", "benchmarks/pair_bias.py"], progress)
        print(f"| {name} | {_row(record)} |", flush=True)


def _row(record: PairRecord) -> str:
    if record.status == "failed":
        assert record.failure is not None
        return f"failed: {record.failure.message} | | | | | |"
    first = ", ".join(_words(one.first_request) for one in record.bias)
    alone = ", ".join(_words(one.alone) for one in record.bias)
    sizes = zip(record.turns.requests, record.turns.discarded, strict=True)
    turns = ", ".join(f"{requests - discarded} after {discarded}" for requests, discarded in sizes)
    cells = [_words(record.ratios[0]), *map(_words, record.in_blocks), first, alone, turns]
    return " | ".join([*cells, str(len(record.pairs)), f"{record.seconds / 60:.1f}"])


def _words(ratio: Interval | None) -> str:
    if ratio is None:
        return "-"
    return f"{ratio.ratio:.4f}" + ("" if ratio.low is None else f" ({ratio.low:.4f} to {ratio.high:.4f})")


if __name__ == "__main__":
    main()
