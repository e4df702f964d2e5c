"""`bench gate --against`: both sides measured now, in turns."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.cli.model_file_options import refuse_without_file
from latency_bench.harness.store.redaction import command_without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from latency_bench.harness.gating.gate_result import GatedCase
    from latency_bench.harness.gating.measured_gate import GatePair


def sides(
    against: Sequence[str],
    candidates: Sequence[str | tuple[Path, str]],
    of_files: dict[str, Any],
    baselines: Path | None,
    where: dict[str, Any],
    conditions: dict[str, Any],
    across: tuple[str, ...],
    labels: Sequence[tuple[str, str]],
    store: str | None,
) -> list[GatePair]:
    """Every baseline with its candidate. A file is held against a file: a model's export. `where` and `conditions` are
    fields of CaseOptions that the sides have in common: device and protocol, and how the model runs."""
    from latency_bench.devices.temporary_folder import TemporaryFolder
    from latency_bench.harness.case_options import case_of
    from latency_bench.harness.cli.baseline import baselines_folder
    from latency_bench.harness.cli.pair import labelled
    from latency_bench.harness.gating.gate_sides import (
        as_brought,
        file_as_side,
        refuse_unlike,
        side_at_revision,
        side_named,
        with_own_commit,
    )
    from latency_bench.harness.gating.git_file import MARK
    from latency_bench.harness.gating.measured_gate import GatePair
    from latency_bench.harness.pairs.side_text import refuse_unused_preparation
    from latency_bench.harness.shared_sizes import narrowed
    from latency_bench.harness.store.location import store_location

    folder, place, common = baselines_folder(baselines, store), store_location(store), {**where, **conditions}
    pairs = []
    for old_text, new_text in zip(against, candidates, strict=True):
        named = partial(side_named, common=common, of_files=of_files, baselines=folder, store=place)
        new = named(new_text) if isinstance(new_text, str) else file_as_side(*new_text, common, of_files)
        with TemporaryFolder("revision") as files:
            old = side_at_revision(old_text, new, files) if old_text.startswith(MARK) else named(old_text)
            refuse_without_file(of_files, [side for side in (old, new) if side.options.file is not None])
            refuse_unused_preparation([old.options, new.options], common)
            # From here on the file is kept in the cache.
            new = with_own_commit(new) if old_text.startswith(MARK) else new
            both = narrowed(labelled([old.options, new.options], labels))
            old_case, new_case = (case_of(options, single=True) for options in both)
        if (old_case.artifact is None) != (new_case.artifact is None):
            old_case, new_case = (
                case if case.artifact is not None else case_of(as_brought(case, where), single=True)
                for case in (old_case, new_case)
            )
        refuse_unlike(old_case, new_case, across)
        pairs.append(GatePair(old_case, new_case, old.name, new.name, old.sha256))
    return pairs


def measure(
    pairs: Sequence[GatePair],
    limit: float,
    max_minutes: float,
    counted: bool,
    across: tuple[str, ...],
    wait: bool,
    store: str | None,
    quiet: bool,
) -> tuple[GatedCase, ...]:
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.gating.instruction_gate import gate_instructions
    from latency_bench.harness.gating.measured_gate import gate_measured
    from latency_bench.harness.instructions.counting import refuse_uncountable
    from latency_bench.harness.store.location import store_location

    command = command_without_secrets(["bench", *sys.argv[1:]])
    if counted:
        refuse_uncountable([case for pair in pairs for case in (pair.baseline, pair.candidate)])
    with ProgressLine(quiet) as progress:
        cases = gate_measured(pairs, limit, max_minutes, store_location(store), command, progress, across, wait)
        if counted:
            measured = [pair for pair in pairs if not pair.failed]
            cases += gate_instructions(measured, limit, command, wait, progress.stage)
    return cases
