"""`bench run --like RUN`: a stored run measured once more, what differs said before it, and the comparison after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from latency_bench.harness.cli.output import print_json, stdout_console

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.rounds import Observer
    from latency_bench.harness.store.record import RunRecord

_THRESHOLD = 0.03
"""Smallest difference that matters, as `bench compare` has it."""
_FREE = {
    "like", "device_name", "checkpoints", "of_files", "inputs", "shapes", "dimensions", "name", "reference", "rounds",
    "labels", "photograph", "wait", "store", "quiet", "as_json", "power_mode", "lock_clocks", "settings", "specs",
    "modules", "arguments",
}  # fmt: skip
"""Parameters of `bench run` that may stand beside --like; all others are the run's own."""


def refuse_what_the_run_decides(context: click.Context) -> None:
    """Raises UsageError for an option that would make it another case."""
    from click.core import ParameterSource

    from latency_bench.harness.cli.model_file_options import FILE_ARGUMENT

    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)
        if given and name not in _FREE and not name.startswith(FILE_ARGUMENT):
            raise click.UsageError(f"{parameter.opts[0]} is what the run of --like has already; leave one of them out")


def run_like(
    like: str,
    given: Mapping[str, Any],
    modules: Sequence[str],
    store: str | None,
    command: Sequence[str],
    wait: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Measure, store, compare; the command's exit code. `given`: fields of the request that the user decides;
    `modules`: ids of networks that were named again, which is one at most."""
    from latency_bench.harness.benchmark import run_benchmarks
    from latency_bench.harness.cli.compare import comparison_json, print_comparison
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.progress import ProgressLine
    from latency_bench.harness.cli.rendering import render_result
    from latency_bench.harness.comparing import compare_sets
    from latency_bench.harness.repeated_case import case_like
    from latency_bench.harness.store.location import store_location
    from latency_bench.harness.store.reader import StoredRun, find_run, read_record
    from latency_bench.harness.store.run_selection import RunSet

    place = store_location(store)
    folder = find_run(place, like)
    record = read_record(folder)
    _refuse_another_module(record, modules)
    case = case_like(record, {"device": record.device.name, **given})
    with ProgressLine(quiet) as progress:
        for line in (*_other_software(record), *_other_device(record, case), *_other_file(record, case, progress)):
            click.echo(f"bench: {printable(line)}", err=True)
        ((_, path),) = run_benchmarks([case], place, command, progress, 0, wait)
    again = read_record(path)
    then, now = (RunSet(one.run_id, (StoredRun(at, one),)) for at, one in ((folder, record), (path, again)))
    compared = compare_sets(then, now, _THRESHOLD, across=("device",) if case.device.name != record.device.name else ())
    if as_json:
        print_json({**again.to_result_json(path), "compared": comparison_json(compared)})
    else:
        console = stdout_console()
        render_result(again, path, console)
        console.print()
        print_comparison(compared, f"{record.run_id}, then", f"{again.run_id}, now", console)
    return 1 if again.status == "failed" else 0


def _refuse_another_module(record: RunRecord, modules: Sequence[str]) -> None:
    if other := next((model_id for model_id in modules if model_id != record.model.id), None):
        raise click.UsageError(
            f"--module is {other}, and {record.run_id} measured {record.model.id}: the code, --arguments, --input or "
            f"--name differ. `bench results show {record.run_id} --command` prints how it was measured"
        )


def _other_software(record: RunRecord) -> Iterator[str]:
    """Versions that are not those of then."""
    from latency_bench.harness.software import software

    here = software()
    then, now = record.software.packages, here["packages"]
    unlike = [name for name in sorted(then) if now.get(name, then[name]) != then[name]]
    changed = [f"{name} {then[name]} then, {now[name]} now" for name in unlike]
    if changed:
        yield f"other versions on this computer: {'; '.join(changed)}"


def _other_device(record: RunRecord, case: Case) -> Iterator[str]:
    if case.device.name != record.device.name:
        yield f"measured on {case.device.name}, and on {record.device.name} then"


def _other_file(record: RunRecord, case: Case, observer: Observer) -> Iterator[str]:
    """Exports, so that what will be measured is known before."""
    from latency_bench.devices.opening import open_device
    from latency_bench.harness.case_artifact import artifact_of

    if record.artifact is None:
        return
    with open_device(case.device) as session:
        artifact = artifact_of(case, session, observer.stage)
    sha256 = artifact.content_sha256 or artifact.sha256
    if sha256 == record.artifact.sha256:
        yield f"the same file as then (SHA-256 {sha256[:12]}...)"
    else:
        yield (
            f"not the same file: SHA-256 {sha256[:12]}... now, {record.artifact.sha256[:12]}... then. Exports of other "
            "versions differ, and so may their speed"
        )
