"""`bench init`: a devices.yaml and a campaign.yaml to begin with, for what is attached here."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import click

from latency_bench.harness.cli.examples import Command

_DEVICES, _CAMPAIGN = Path("devices.yaml"), Path("campaign.yaml")
_NO_NAME = re.compile(r"[^a-z0-9._-]+")
_GPU = "gpu"


@click.command(cls=Command, examples=["bench init", "bench init --force  # replaces both files"])
@click.option("--force", is_flag=True, help="Replace files that already exist.")
def init(force: bool) -> None:
    """Write devices.yaml and campaign.yaml here: this computer, the phones and GPUs that are attached, and the hosts of
    ~/.ssh/config to choose from.

    Nothing is measured. `bench devices doctor NAME` then says what a device still lacks.
    """
    from latency_bench.devices.attached import attached_phones, gpus_here, ssh_hosts
    from latency_bench.devices.inventory import read_inventory, trust_inventory
    from latency_bench.harness.cli.figures import printable
    from latency_bench.harness.errors import UsageError

    there = [path for path in (_DEVICES, _CAMPAIGN) if path.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} already exists; nothing was written. Move it away, or pass --force")
    if folders := [path for path in there if path.is_dir()]:
        raise UsageError(f"{folders[0]} is a folder; nothing was written. Move it away")
    here = name_of_this_computer(platform.node())
    phones, gpus, hosts = attached_phones(), gpus_here(), ssh_hosts()
    write_all({_DEVICES: devices_text(here, phones, gpus, hosts), _CAMPAIGN: campaign_text(here)})
    inventory = read_inventory()
    if inventory.untrusted:
        # It was written here and now, by the user's own command.
        trust_inventory(inventory)
    click.echo(f"wrote {_DEVICES}: {here} (this computer)")
    for serial, name in phone_names(here, phones).items():
        state = "" if phones[serial] == "device" else f", {phones[serial]}"
        click.echo(printable(f"  {name}: phone {serial}{state}"))
    for name in gpus:
        click.echo(printable(f"  gpu: {name}"))
    if hosts:
        click.echo(printable(f"  to choose from: {', '.join(hosts)} of ~/.ssh/config"))
    click.echo(f"wrote {_CAMPAIGN}")
    click.echo(f"next: bench devices doctor {here}, then bench sweep {_CAMPAIGN} --dry-run")


def write_all(texts: dict[Path, str]) -> None:
    """All of the files are complete before the first one gets its name. Raises OSError."""
    from latency_bench.harness.store.durable import replacing

    with ExitStack() as files:
        for path, text in texts.items():
            files.enter_context(replacing(path)).write(text.encode("utf-8"))


def name_of_this_computer(node: str) -> str:
    """The entry of this computer, by its host name; the entry of its GPU has a name of its own."""
    name = device_name(node or "here")
    return f"{name}-host" if name == _GPU else name


def phone_names(here: str, serials: Iterable[str]) -> dict[str, str]:
    """The entry of each serial: none has the name of another one, of this computer, or of its GPU."""
    from latency_bench.devices.inventory import LOCAL

    names: dict[str, str] = {}
    taken = {here, LOCAL, _GPU}
    for serial in serials:
        name = wanted = device_name(serial)
        number = 2
        while name in taken:
            name, number = f"{wanted}-{number}", number + 1
        names[serial] = name
        taken.add(name)
    return names


def device_name(text: str) -> str:
    """A name that an entry may have, made of a serial or a host's name."""
    return _NO_NAME.sub("-", text.lower()).strip("-._")[:60] or "device"


def devices_text(here: str, phones: Iterable[str], gpus: Iterable[str], hosts: Iterable[str]) -> str:
    """devices.yaml with these devices; hosts are commented out. `here` is one of name_of_this_computer."""
    parts = [
        "# Devices to measure on. `bench devices doctor NAME` says what one still lacks.",
        "# docs/adding-a-device.md has all that can be said of a device.",
        "devices:",
        "",
        "  # This computer. Its name stands in every result, so that those of several computers are told apart.",
        f"  {_key(here)}:",
        "    threads: 1                  # one thread reproduces best",
        "    # cpus: [1]                 # default: the last cores",
    ]
    for serial, name in phone_names(here, phones).items():
        parts += [
            "",
            f"  {_key(name)}:",
            "    transport: adb",
            # JSON is YAML, whatever stands in a serial.
            f"    adb: {{serial: {json.dumps(serial)}}}",
            "    runner: benchmark_model     # docs/android.md says where to get the tool",
            "    runtime: litert",
            "    probes: [android]",
        ]
    if names := list(gpus):
        parts += [
            "",
            f"  # {', '.join(_in_a_comment(name) for name in names)}",
            f"  {_GPU}:",
            "    runtime: tensorrt           # or torch-cuda",
            "    probes: [linux, container, nvidia]",
        ]
    listed = [name for name in hosts if device_name(name) != here]
    if listed:
        parts += ["", "  # Hosts of ~/.ssh/config. Take the # away before those that you measure on."]
    for name in listed:
        parts += [
            f"  # {_key(device_name(name))}:",
            "  #   transport: ssh",
            f"  #   ssh: {{host: {_in_a_comment(json.dumps(name))}}}",
            "  #   python: [python3]         # with numpy and the runtime",
        ]
    return "\n".join(parts) + "\n"


def campaign_text(device: str) -> str:
    """campaign.yaml with two small models on this device."""
    return "\n".join(
        [
            "# bench sweep campaign.yaml --dry-run shows what would be measured, and about how long that takes.",
            "# Stop it whenever you like; the same command goes on. docs/campaigns.md has all fields.",
            "name: first",
            "protocol: quick               # standard: more requests, rounds in several fresh processes",
            "cases:",
            "  - models: [b0-cls-r224, b1-cls-r224]     # `bench models ls` lists them; patterns are fine",
            "    baseline: b0-cls-r224                  # ratios to it are measured as pairs",
            f"    devices: [{_key(device)}]",
            "    # runtimes: [litert, onnxruntime]",
            "    # threads: [1, 2]",
            "",
        ]
    )


def _key(name: str) -> str:
    """A name as YAML reads it back: 988633344747 and null are no text there unless they are quoted."""
    import yaml

    return name if yaml.safe_load(name) == name else json.dumps(name)


def _in_a_comment(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)
