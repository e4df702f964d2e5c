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
    from rich.text import Text

    from latency_bench.reports.terminal_grid import Heading, print_grid

    titles = ("device", "transport", "runner", "runtime", "threads")
    rows = [[one.name, one.transport, one.runner, one.runtime, str(one.threads)] for one in found]
    console = stdout_console()
    print_grid(console, [Heading(title) for title in titles], rows)
    path = inventory_path()
    words = f"from {path}" if path else "no devices.yaml; `local` needs none (docs/adding-a-device.md)"
    console.print(Text(words, "dim"), soft_wrap=True)


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
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.terminal_grid import print_facts

    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    names = max(len(one.name) for one in found)
    print_facts(
        stdout_console(),
        [
            (
                Text.assemble((f"{one.status:<7}", colours[one.status]), f"  {one.name:<{names}}"),
                printable(f"{one.found}: {one.remedy}" if one.remedy else one.found),
            )
            for one in found
        ],
    )
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
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.cli.run_details import flattened
    from latency_bench.harness.store.number_text import byte_size
    from latency_bench.reports.terminal_grid import print_facts

    now_facts = [
        (
            f"now: {one.quantity} {one.source}",
            byte_size(one.value) if one.unit == "bytes" else f"{one.value:.10g} {one.unit}",
        )
        for one in readings
    ]
    print_facts(
        stdout_console(),
        [(printable(name), printable(value)) for name, value in (*flattened(facts), *now_facts)],
    )
