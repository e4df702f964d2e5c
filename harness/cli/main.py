"""The `bench` command. Commands are imported when they are called, so that `bench --help` is instant."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import warnings
from typing import NoReturn

import click

from bench_worker.quiet_libraries import send_nothing
from latency_bench.harness.cli.ending import (
    exit_code_of_interruption,
    flush_output,
    interrupt_on_signals,
    is_interrupted,
    too_little_address_space,
    words_of,
)
from latency_bench.harness.cli.examples import Group

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("latency_bench.harness.cli.run:run", "Measure models on a device."),
    "pair": ("latency_bench.harness.cli.pair:pair", "How much slower is B than A? Both at once, taking turns."),
    "accuracy": ("latency_bench.harness.cli.accuracy:accuracy", "How often the file that is timed is right."),
    "sweep": ("latency_bench.harness.cli.sweep:sweep", "Measure many models on many devices: a campaign."),
    "watch": ("latency_bench.harness.cli.watch:watch", "Follow a running campaign."),
    "host": ("latency_bench.harness.cli.host:host", "Offer this host's devices to campaigns of other hosts."),
    "attention": ("latency_bench.harness.cli.attention:attention", "Softmax against ReLU linear attention."),
    "report": ("latency_bench.harness.cli.report:report", "A paper's tables, figures and claims, measured."),
    "table": ("latency_bench.harness.cli.table:table", "A table of one's own from any selection of runs."),
    "board": ("latency_bench.harness.cli.board:board", "The numbers of several labs on one static site."),
    "plot": ("latency_bench.harness.cli.plot:plot", "Any single figure from any selection of runs."),
    "papers": ("latency_bench.harness.cli.papers:papers", "List, show, check and begin papers: folders of tables."),
    "published": ("latency_bench.harness.cli.published:published", "What others published for a model."),
    "models": ("latency_bench.harness.cli.models:models", "List, show and check the models."),
    "init": ("latency_bench.harness.cli.init:init", "A devices.yaml and a campaign.yaml for what is attached."),
    "devices": ("latency_bench.harness.cli.devices:devices", "List, probe, check and calibrate the devices."),
    "export": ("latency_bench.harness.cli.export:export", "Make a model's ONNX, TFLite or torch.export file."),
    "results": ("latency_bench.harness.cli.results:results", "List, show, verify, import and archive stored runs."),
    "profile": ("latency_bench.harness.cli.profile:profile", "Where a model's time goes, layer by layer."),
    "compare": ("latency_bench.harness.cli.compare:compare", "Is one run, or set of runs, faster than another?"),
    "gate": ("latency_bench.harness.cli.gate:gate", "Is a candidate slower than a baseline? For CI."),
    "history": (
        "latency_bench.harness.cli.history:history",
        "A model's latency over time or commits: where it changed.",
    ),
    "man": ("latency_bench.harness.cli.man:man", "Write the help of every command as man pages."),
    "baseline": ("latency_bench.harness.cli.baseline:baseline", "Keep model files for the gate to measure again."),
}


class LazyGroup(Group):
    """A group whose commands are modules, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"there is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        return [(name, summary) for name, (_, summary) in COMMANDS.items()]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=[
        "bench run --device local --model b1-seg  # measure a model on this computer",
        "bench models ls  # what can be measured",
        "bench results ls  # what has been measured",
    ],
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, param, asked: _print_version(ctx) if asked else None,
    help="Show the version, the commit of a checkout, and the runtimes that are installed, and exit.",
)
def bench() -> None:
    """Latency and throughput of vision models on phones, Jetsons, GPUs and CPUs, measured in the open.

    Results go to stdout, progress and warnings to stderr. Exit code 0: done; 1: the measurement failed, a
    gate says worse, or a history says slower; 2: the request was wrong; 3: with --strict, a gate or a history cannot
    tell.
    """


def _print_version(context: click.Context) -> None:
    """`bench 0.1.0, commit 1a2b3c4d5e6f`, and a line for every runtime of this computer."""
    from importlib.metadata import version

    from bench_worker.runtimes import runtime_class, runtime_names
    from latency_bench.harness.software import software

    facts = software()
    commit = f", commit {facts['git_commit'][:12]}" if "git_commit" in facts else ""
    changed = " with changes" if facts.get("git_dirty") else ""
    click.echo(f"bench {version('latency-bench')}{commit}{changed}, Python {facts['python']}")
    packages = facts["packages"]
    for name in runtime_names():
        here = [f"{one} {packages[one]}" for one in runtime_class(name).DISTRIBUTIONS if one in packages]
        if here:
            click.echo(f"  runtime {name}: {', '.join(here)}")
    context.exit()


def main() -> None:
    """Run the command line; expected errors become one or two lines and an exit code, without a traceback."""
    if sys.stdout is None:
        # Closed by whoever called: nothing could be told, and a run would be measured for nobody.
        os.write(2, b"bench: stdout is closed; send it to a file, or to /dev/null\n")
        sys.exit(2)
    warnings.formatwarning = _one_line
    for stream in (sys.stdout, sys.stderr):
        # A terminal or file of another encoding gets a question mark for a letter that it lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    interrupt_on_signals()
    send_nothing(os.environ)
    if too_little := too_little_address_space():
        _say(too_little)
        sys.exit(1)
    try:
        code = bench.main(prog_name="bench", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _end_interrupted()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        if is_interrupted():
            # What a compiled library makes of a signal that comes while it is loaded: an ImportError.
            _end_interrupted()
        if isinstance(error, ModuleNotFoundError):
            _end_without_module(error)
        from latency_bench.harness.cli.failures import FAILED, exit_code_of

        expected = exit_code_of(error)
        if expected is None and isinstance(error, _OF_THE_SYSTEM) and (words := words_of(error)):
            flush_output()
            _say(words)
            sys.exit(FAILED)
        if expected is None:
            from latency_bench.harness.cli.own_fault import words_of_fault

            if (words := words_of_fault(error)) is None:
                raise
            flush_output()
            _say(words)
            sys.exit(FAILED)
        _say(str(error))
        sys.exit(expected)
    if unwritten := flush_output():
        _say(unwritten)
        sys.exit(1)
    sys.exit((code if isinstance(code, int) else 0) or _unsent())


_OF_THE_SYSTEM = (OSError, MemoryError, RuntimeError)
"""What `words_of` may have a line for."""


def _end_interrupted() -> NoReturn:
    with contextlib.suppress(OSError):  # a terminal that was hung up takes no last words
        _say("interrupted; nothing was stored")
    sys.exit(exit_code_of_interruption())


def _end_without_module(error: ModuleNotFoundError) -> None:
    """Where an extra has it; nothing happens for any other."""
    from latency_bench.harness.cli.failures import WRONG_REQUEST
    from latency_bench.harness.installation.extras import extra_that_has
    from latency_bench.harness.installation.requirements import explanation

    if error.name is not None and extra_that_has(error.name) is not None:
        _say(explanation([error.name]))
        sys.exit(WRONG_REQUEST)


def _unsent() -> int:
    """1 where this command stored runs that are not where they should be."""
    mirrors = sys.modules.get("latency_bench.harness.store.mirrors")
    runs = mirrors.unsent_runs() if mirrors is not None else []
    if runs:
        _say(f"{len(runs)} of the runs stored now are on this computer alone; `bench results push` sends them")
    return 1 if runs else 0


def _one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning is for users: without its place in the source."""
    return f"bench: {' '.join(str(message).split())}\n"


def _say(message: str) -> None:
    click.echo(f"bench: {message}", err=True)


if __name__ == "__main__":
    main()
