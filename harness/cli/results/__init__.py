"""`bench results`: what has been measured, one file a command."""

from __future__ import annotations

import click

from latency_bench.harness.cli.examples import Group
from latency_bench.harness.cli.results.archiving import archive
from latency_bench.harness.cli.results.gc import gc
from latency_bench.harness.cli.results.importing import import_
from latency_bench.harness.cli.results.ls import ls
from latency_bench.harness.cli.results.push import push
from latency_bench.harness.cli.results.recover import recover
from latency_bench.harness.cli.results.show import show
from latency_bench.harness.cli.results.verify import verify


@click.group(cls=Group, examples=["bench results ls --sort latency", "bench results show latest"])
def results() -> None:
    """List, show, verify, import and archive stored runs."""


for command in (ls, show, verify, import_, archive, push, recover, gc):
    results.add_command(command)
