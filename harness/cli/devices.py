"""`bench devices`: what is configured, and what a machine says of itself."""

from __future__ import annotations

import click

from latency_bench.harness.cli.calibrate import calibrate
from latency_bench.harness.cli.output import json_option, print_json, stdout_console


@click.group()
def devices() -> None:
    """List, check, probe and calibrate the devices."""


devices.add_command(calibrate)


@devices.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the configured devices."""
    from latency_bench.devices.inventory import inventory_path, list_devices

    found = list_devices()
    if as_json:
        print_json([device.model_dump(mode="json") for device in found])
        return
    from rich.table import Table

    grid = Table("device", "transport", "runner", "runtime", "threads", box=None, pad_edge=False, header_style="bold")
    for device in found:
        grid.add_row(device.name, device.transport, device.runner, device.runtime, str(device.threads))
    console = stdout_console()
    console.print(grid)
    path = inventory_path()
    console.print(f"[dim]from {path}" if path else "[dim]no devices.yaml; `local` needs none (docs/adding-a-device.md)")


@devices.command("doctor")
@click.argument("name")
@json_option
def doctor(name: str, as_json: bool) -> int:
    """Check whether a device can be measured on: one line a check, with what to do. Exit code 1 if any fails."""
    from latency_bench.devices.checks import Check
    from latency_bench.devices.errors import UnreachableError
    from latency_bench.devices.inventory import find_device
    from latency_bench.devices.opening import open_device

    device = find_device(name)
    found: list[Check] = []
    try:
        with open_device(device) as session:
            found.append(Check("reachable", "ok", f"by {device.transport}"))
            found.extend(session.checks())
    except UnreachableError as error:
        found.append(Check("reachable", "failed", error.message, error.remedy))
    failed = any(check.status == "failed" for check in found)
    if as_json:
        lines = [
            {"check": one.name, "status": one.status, "found": one.found, "remedy": one.remedy or None} for one in found
        ]
        print_json({"device": name, "passed": not failed, "checks": lines})
        return 1 if failed else 0
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    grid = Table.grid(padding=(0, 2))
    for one in found:
        words = f"{one.found}: {one.remedy}" if one.remedy else one.found
        grid.add_row(Text(one.status, colours[one.status]), one.name, Text(words))
    stdout_console().print(grid)
    return 1 if failed else 0


@devices.command("probe")
@click.argument("name")
@json_option
def probe(name: str, as_json: bool) -> None:
    """Print what a device is: processor, memory, clocks, system, load."""
    from latency_bench.devices.inventory import find_device
    from latency_bench.devices.opening import open_device

    with open_device(find_device(name)) as session:
        facts = session.fingerprint()
        readings = session.read()
    if as_json:
        now = [
            {"source": one.source, "quantity": one.quantity, "value": one.value, "unit": one.unit} for one in readings
        ]
        print_json({"device": name, "fingerprint": facts, "now": now})
        return
    from rich.table import Table

    from latency_bench.harness.cli.run_details import flattened

    grid = Table.grid(padding=(0, 2))
    for key, value in flattened(facts):
        grid.add_row(f"[dim]{key}", value)
    for one in readings:
        grid.add_row(f"[dim]now: {one.quantity} {one.source}", f"{one.value:g} {one.unit}")
    stdout_console().print(grid)
