"""`bench host`: offer this host's devices to campaigns of other hosts, and make the certificates that this needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from latency_bench.harness.cli.cluster_options import cluster_options
from latency_bench.harness.cli.examples import Group
from latency_bench.harness.cli.output import json_option, print_json


@click.group(
    invoke_without_command=True,
    cls=Group,
    examples=[
        "bench host certificates lab desk orin-host",
        "bench host --devices orin --scheduler tls://lab:8786 --tls-ca ca.pem --tls-cert desk.pem --tls-key desk.key",
    ],
)
@click.option(
    "--devices", metavar="NAMES", default="", help="Devices from this host's devices.yaml, separated by commas."
)
@cluster_options
@click.pass_context
def host(context: click.Context, devices: str, cluster: dict[str, Any]) -> int | None:
    """Join a Dask cluster until Ctrl-C: measure on these devices, and export, for `bench sweep --scheduler`.

    The scheduler is Dask's own (`dask scheduler`); docs/lab.md has the line that starts it with TLS.
    """
    if context.invoked_subcommand is not None:
        return None
    from latency_bench.devices.inventory import find_device
    from latency_bench.harness.campaign.cluster_settings import cluster_settings
    from latency_bench.harness.campaign.host import serve

    settings = cluster_settings(**cluster)
    if settings is None:
        raise click.UsageError("give the --scheduler that campaigns are sent to")
    names = [find_device(name).name for name in devices.split(",") if name]
    try:
        serve(settings, names, lambda text: click.echo(f"bench: {text}", err=True))
    except KeyboardInterrupt:
        click.echo("bench: no longer offered", err=True)
    return 0


@host.command(
    examples=[
        "bench host certificates lab desk orin-host  # once, on one of them",
        "bench host certificates lab desk --folder keys --days 90",
    ]
)
@click.argument("names", metavar="[HOST]...", nargs=-1)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="certificates",
    show_default=True,
    help="Folder of the files, including the authority's.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Days that they are valid.")
@json_option
def certificates(names: tuple[str, ...], folder: Path, days: int, as_json: bool) -> int:
    """Make certificates for hosts of a cluster (this one, if none is named), and their authority the first time.

    Each host needs ca.pem and its own two files. The authority's key, ca.key, signs for more hosts later; keep it off
    all of them.
    """
    import socket

    from latency_bench.harness.campaign.certificates import make_certificates

    made = make_certificates(folder, names or (socket.gethostname(),), days)
    if as_json:
        print_json({"made": [str(path) for path in made]})
        return 0
    for path in made:
        click.echo(str(path))
    return 0
