"""`bench devices`: what is configured, and what a machine says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from latency_bench.harness.cli.calibrate import calibrate
from latency_bench.harness.cli.completion import DEVICE
from latency_bench.harness.cli.examples import Group
from latency_bench.harness.cli.output import json_option, print_json, stdout_console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from latency_bench.devices.checks import Check


@click.group(cls=Group, examples=["bench devices ls", "bench devices doctor"])
def devices() -> None:
    """List, check, probe and calibrate the devices."""


devices.add_command(calibrate)


@devices.command("ls", examples=["bench devices ls", "bench devices ls --json"])
@json_option
def ls(as_json: bool) -> None:
    """List the configured devices."""
    from latency_bench.devices.inventory import read_inventory

    inventory = read_inventory()
    found = list(inventory.devices.values())
    if as_json:
        print_json([device.model_dump(mode="json") for device in found])
        return
    from rich.text import Text

    from latency_bench.reports.terminal_grid import Heading, print_grid

    titles = ("device", "transport", "runner", "runtime", "threads")
    rows = [[one.name, one.transport, one.runner, one.runtime, str(one.threads)] for one in found]
    console = stdout_console()
    print_grid(console, [Heading(title) for title in titles], rows)
    path = inventory.path
    words = f"from {path}" if path else "no devices.yaml; `local` needs none (docs/adding-a-device.md)"
    if inventory.untrusted:
        words += f"; {', '.join(inventory.untrusted)} of it can be used after `bench devices trust`"
    console.print(Text(words, "dim"), soft_wrap=True)


@devices.command("trust", examples=["bench devices trust", "bench devices trust --yes  # without being asked"])
@click.option("--yes", is_flag=True, help="Do not ask.")
def trust(yes: bool) -> int:
    """Trust ./devices.yaml, as it is now, to say what is run and which hosts are reached.

    A devices.yaml that lies in the current folder may have come with somebody else's files. Until you trust it, and
    again after every change, only entries that name neither a program nor a host are taken from it. Not needed for
    your own file (~/.config/bench/devices.yaml) and for one that BENCH_DEVICES names.
    """
    import json
    import sys

    from latency_bench.devices.inventory import CURRENT_FOLDER, is_of_current_folder, read_inventory, trust_inventory
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.errors import UsageError

    inventory = read_inventory()
    if inventory.path is None or not is_of_current_folder(inventory.path):
        where = inventory.path or "no devices.yaml"
        raise UsageError(f"there is nothing to trust: {where} is in use, not ./{CURRENT_FOLDER}")
    for name, fields in inventory.untrusted.items():
        click.echo(
            printable(f"{name}: " + ", ".join(f"{field} {json.dumps(value)}" for field, value in fields.items()))
        )
    if not inventory.untrusted:
        click.echo(f"./{CURRENT_FOLDER} has nothing that has to be trusted, or is trusted already")
        return 0
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on: pass --yes, or name the file with BENCH_DEVICES")
    if not yes and not click.confirm("Use these devices?"):
        return 1
    trust_inventory(inventory)
    click.echo(f"./{CURRENT_FOLDER} is trusted until it changes")
    return 0


@devices.command("doctor", examples=["bench devices doctor  # this computer", "bench devices doctor orin"])
@click.argument("name", required=False, type=DEVICE)
@json_option
def doctor(name: str | None, as_json: bool) -> int:
    """Check whether a device can be measured on: one line per check, with what to do. Exit code 1 if any fails.

    Without a NAME this computer is checked, and each extra that is not installed is listed with what it would add.
    """
    from latency_bench.harness.installation.extras import PURPOSES, incomplete_extras
    from latency_bench.harness.installation.origin import install_command

    found = list(_checks_of(name or "local"))
    failed = any(check.status == "failed" for check in found)
    extras = () if name else incomplete_extras()
    if as_json:
        lines = [
            {"check": one.name, "status": one.status, "found": one.found, "remedy": one.remedy or None} for one in found
        ]
        missing = {} if name else {"extras_missing": list(extras)}
        print_json({"device": name or "local", "passed": not failed, "checks": lines, **missing})
        return 1 if failed else 0
    console = stdout_console()
    _print_checks(found, console)
    if extras:
        from rich.text import Text

        from latency_bench.reports.terminal_grid import print_facts

        console.print()
        console.print(Text("not installed; each adds:", "dim"))
        print_facts(console, [(f"[{extra}]", PURPOSES[extra]) for extra in extras])
        console.print(Text(f"for example: {install_command(extras[:1])}", "dim"), soft_wrap=True)
    return 1 if failed else 0


def _checks_of(name: str) -> Iterator[Check]:
    from latency_bench.devices.checks import Check
    from latency_bench.devices.errors import UnreachableError
    from latency_bench.devices.inventory import find_device
    from latency_bench.devices.opening import open_device

    device = find_device(name)
    try:
        with open_device(device) as session:
            yield Check("reachable", "ok", f"by {device.transport}")
            yield from session.checks()
    except UnreachableError as error:
        yield Check("reachable", "failed", error.message, error.remedy)


def _print_checks(checks: Sequence[Check], console: Console) -> None:
    from rich.text import Text

    from latency_bench.harness.cli.figures import printable
    from latency_bench.reports.terminal_grid import print_facts

    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    names = max(len(one.name) for one in checks)
    print_facts(
        console,
        [
            (
                Text.assemble((f"{one.status:<7}", colours[one.status]), f"  {one.name:<{names}}"),
                printable(f"{one.found}: {one.remedy}" if one.remedy else one.found),
            )
            for one in checks
        ],
    )


@devices.command(
    "pair",
    examples=[
        "bench devices pair 192.168.1.20:37123 --code 123456",
        "bench devices pair phone.lan:37123  # asks for the code",
    ],
)
@click.argument("address", metavar="HOST:PORT")
@click.option("--code", metavar="DIGITS", help="The phone's pairing code. Default: ask for it.")
@click.option(
    "--program",
    metavar="PATH",
    help="Path of adb. Default: the one on PATH, else the one that the extra [android] brings.",
)
@json_option
def pair(address: str, code: str | None, program: str | None, as_json: bool) -> None:
    """Pair with a phone's wireless debugging, once: HOST:PORT and code as the phone shows them.

    \b
    On the phone: Developer options, Wireless debugging,
    Pair device with pairing code.
    """
    from latency_bench.devices.transports.adb_options import AdbOptions
    from latency_bench.devices.transports.adb_program import find_program
    from latency_bench.devices.transports.adb_wireless import is_address
    from latency_bench.devices.transports.adb_wireless import pair as pair_by_code

    if not is_address(address):
        raise click.UsageError(f"{address!r} is not HOST:PORT; the phone shows it beside the code")
    adb = find_program(AdbOptions(program=program))
    digits = (code or click.prompt("Pairing code", err=True)).strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        raise click.UsageError("a pairing code has six digits")
    serial = pair_by_code(adb, address, digits)
    if as_json:
        print_json({"serial": serial})
        return
    click.echo(f"paired with {serial}. In devices.yaml: adb: {{serial: {serial}}}")


@devices.command("probe", examples=["bench devices probe local", "bench devices probe orin --json"])
@click.argument("name", type=DEVICE)
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
    from latency_bench.harness.number_text import byte_size
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
