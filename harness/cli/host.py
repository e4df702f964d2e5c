"""`bench host`: offer this host's devices to campaigns of other hosts."""

from __future__ import annotations

from typing import Any

import click

from latency_bench.harness.cli.shared_options import cluster_options


@click.command()
@click.option(
    "--devices", metavar="NAMES", default="", help="Devices of this host's devices.yaml, with commas between."
)
@cluster_options
def host(devices: str, cluster: dict[str, Any]) -> int:
    """Join a Dask cluster until Ctrl-C: measure on these devices, and export, for `bench sweep --scheduler`.

    \b
    dask scheduler --tls-ca-file ca.pem --tls-cert cert.pem --tls-key key.pem --protocol tls
    bench host --devices orin,nano --scheduler tls://HOST:8786 --tls-ca ca.pem --tls-cert cert.pem --tls-key key.pem
    """
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
