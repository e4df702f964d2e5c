"""Does the check of outputs see, in every model of the zoo and in a small model of each family of timm?

    scripts/check_sight.py                           the zoo, at the models' own sizes
    scripts/check_sight.py --largest 256             images of 256 pixels at most, where a model takes other sizes
    scripts/check_sight.py --timm --largest 256      a small model of each module of timm (timm_families.py)
    scripts/check_sight.py b1-seg timm:resnet18
    scripts/check_sight.py --page                    only writes the page anew

For each model the outputs for another draw of every input are handed to the check in the place of the right ones.
`another` must never be `passed`; `right` is `passed` where the outputs depend on the input, else `not checked`. Each
model is a line of docs/sight.jsonl and is not run again; docs/sight.md is made of them. Models with few
multiply-accumulates come first. The exit code is 1 where wrong outputs passed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kept_rows import append, read_rows
from markdown_lines import paragraph, table
from timm_families import FAMILIES

from latency_bench.harness.fidelity.outputs import MAX_RELATIVE_ERROR
from latency_bench.harness.fidelity.sight import sight
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import list_specs, load_spec
from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.known_counts import known_counts
from latency_bench.model_specs.spec import ModelSpec

ROOT = Path(__file__).parents[1]
ROWS, PAGE = ROOT / "docs" / "sight.jsonl", ROOT / "docs" / "sight.md"
PASSED, NOT_CHECKED = "passed", "not checked"
_ANSWERS = {True: PASSED, False: "not passed", None: NOT_CHECKED}
_SIZE_STEP = 64
"""Smaller images have multiples of this in height and width."""


@dataclass(frozen=True)
class Row:
    """What the check says of a model, by the precision whose limits it applies."""

    model: str
    size: str
    """Of the first input, as `height x width`."""
    right: dict[str, str]
    """Of the model's own outputs. Empty where it did not run."""
    another: dict[str, str]
    """Of its outputs for another input."""
    reason: str
    """Why not all of the right outputs passed, or why it did not run."""


def main() -> int:
    arguments = _arguments()
    until_s = time.monotonic() + 60 * arguments.minutes
    done = {row.model for row in read_rows(ROWS, Row)}
    for model in [] if arguments.page else arguments.models or _models(arguments.timm):
        if time.monotonic() > until_s:
            break
        if load_spec(model).id not in done:
            row = looked_at(load_spec(model), arguments.largest)
            append(ROWS, row)
            print(row.model, row.size, *row.another.values(), row.reason, sep="\t", flush=True)
    rows = read_rows(ROWS, Row)
    PAGE.write_text(page(rows), encoding="utf-8")
    blind = blind_passes(rows)
    print(f"{len(blind)} models whose outputs for another input passed", *blind, file=sys.stderr)
    return 1 if blind else 0


def looked_at(spec: ModelSpec, largest: int | None = None) -> Row:
    """What the check says of the model, at images of `largest` pixels a side where it takes them."""
    smaller = spec if largest is None else _smaller(spec, largest)
    try:
        try:
            module = build_module(smaller)
        except SpecError:  # Its size is part of its structure.
            smaller, module = spec, build_module(spec)
        seen = sight(module, smaller, tuple(MAX_RELATIVE_ERROR))
    except Exception as error:  # A model that does not build or run is told, and the others go on.
        return Row(spec.id, _size(smaller), {}, {}, f"{type(error).__name__}: {error}".splitlines()[0])
    return Row(
        spec.id,
        _size(smaller),
        {precision: _ANSWERS[one.of_right.passed] for precision, one in seen.items()},
        {precision: _ANSWERS[one.of_another.passed] for precision, one in seen.items()},
        next((one.of_right.reason or "" for one in seen.values() if not one.of_right.passed), ""),
    )


def blind_passes(rows: Sequence[Row]) -> list[str]:
    """Models whose outputs for another input passed in some precision."""
    return [row.model for row in rows if PASSED in row.another.values()]


def page(rows: Sequence[Row]) -> str:
    """Counts by precision, then each model of which not everything was checked, and why."""
    zoo = {spec.id for spec in list_specs()}
    ran = {row.model for row in rows if row.right}
    lines = ["# What the check of values sees", ""]
    lines += paragraph(
        "A model's own outputs, and its outputs for another draw of every input, handed to the check that every run"
        " passes ([method](method.md)): seeded weights, noise and a natural image, by the limits of every precision."
        " Outputs for another input must never pass. A model whose outputs hardly depend on the input is `not checked`,"
        " whatever outputs come. `python scripts/check_sight.py` (with `--timm`: a small model of each family of timm)"
        " adds what is missing to docs/sight.jsonl and writes this page; `--largest 256` computes at small images where"
        " a model takes them."
    )
    lines += paragraph(
        f"{len(ran)} models ran: {len(ran & zoo)} of the {len(zoo)} of the zoo, and {len(ran - zoo)} others, each of a"
        f" family of timm of its own. Outputs for another input passed in {len(blind_passes(rows))} of them."
    )
    lines += table(
        ["by the limits of", "right outputs pass", "not checked", "outputs for another input pass"],
        [
            [precision, *(str(sum(getattr(row, side).get(precision) == answer for row in rows))
             for side, answer in (("right", PASSED), ("right", NOT_CHECKED), ("another", PASSED)))]
            for precision in MAX_RELATIVE_ERROR
        ],
    )  # fmt: skip
    unseen = [row for row in rows if set(row.right.values()) != {PASSED}]
    if unseen:
        lines += ["", "Not checked, or not run:", ""]
        lines += table(
            ["model", "size", "by the limits of", "why"],
            [
                [f"`{row.model}`", row.size, ", ".join(name for name, says in row.right.items() if says != PASSED)
                 or "did not run", row.reason]
                for row in sorted(unseen, key=lambda row: row.model)
            ],
        )  # fmt: skip
    waiting = sorted(zoo - {row.model for row in rows})
    if waiting:
        lines += ["", *paragraph(f"Not looked at yet: {', '.join(f'`{model}`' for model in waiting)}.")]
    return "\n".join(lines).rstrip() + "\n"


def _models(timm: bool) -> list[str]:
    if timm:
        return list(FAMILIES)
    counts = {spec.id: known_counts(spec.id) for spec in list_specs()}
    return sorted(counts, key=lambda model: counts[model].macs if counts[model] else 0)


def _smaller(spec: ModelSpec, largest: int) -> ModelSpec:
    if len(spec.inputs[0].shape) != 3 or max(spec.resolution) <= largest:
        return spec
    factor = largest / max(spec.resolution)
    height, width = (max(_SIZE_STEP, int(size * factor) // _SIZE_STEP * _SIZE_STEP) for size in spec.resolution)
    return spec.at((height, width))


def _size(spec: ModelSpec) -> str:
    return "x".join(map(str, spec.resolution))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Find models whose check of outputs cannot tell right from wrong.")
    parser.add_argument("models", nargs="*", help="ids; none: the zoo, or with --timm timm's families")
    parser.add_argument("--timm", action="store_true", help="a small model of each module of timm")
    parser.add_argument("--largest", type=int, help="largest height and width in pixels")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no model is begun after so many")
    parser.add_argument("--page", action="store_true", help="run nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
