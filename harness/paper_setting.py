"""`--setting paper`: what the paper says of how it measured on each kind of device, and what had to be chosen beyond.

The paper is the default one; its `paper.yaml` has the settings with their source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latency_bench.devices.device import Device
from latency_bench.devices.opening import runner_class
from latency_bench.devices.probe_conditions import conditions_by_probe
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.outcome import Flag
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.papers.paper_file import SettingFields

NAME = "paper"


def paper_setting(device: Device) -> SettingFields:
    """The setting for a device. Raises UsageError for one of a kind that the paper did not measure on."""
    settings = default_paper().file.settings
    for setting in settings:
        if setting.probe in device.probes:
            return setting
    kinds = ", ".join(f"{setting.kind} (probe {setting.probe})" for setting in settings)
    raise UsageError(
        f"--setting {NAME}: the paper measured on {kinds}; device {device.name!r} has none of these probes"
    )


def as_in_the_paper(device: Device, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a case as the paper has them; a field that the paper leaves open is not among them.

    `asked`: what the user asks for beside the setting, by field. Raises UsageError where that is something else than
    the paper's, and where the device's runner does not have the runtime.
    """
    setting = paper_setting(device)
    if setting.runtime not in runner_class(device.runner).runtime_names():
        raise UsageError(
            f"--setting {NAME} on {setting.kind} is {setting.runtime}, which the runner {device.runner!r} of "
            f"{device.name!r} does not have"
        )
    fields = {name: getattr(setting, name) for name in ("runtime", "precision", "batch", "threads")}
    stated = {name: value for name, value in fields.items() if value is not None}
    for name, value in stated.items():
        if asked.get(name) not in (None, value):
            raise UsageError(
                f"--setting {NAME} on {setting.kind} has {name} {value}, and --{name} asks for {asked[name]}; "
                "leave one of the two out"
            )
    return stated


def paper_flag(device: Device, fingerprint: Mapping[str, Any], cpus: Sequence[int]) -> Flag:
    """What a record says of such a run: what the paper states, what was chosen, and on what it ran here."""
    setting = paper_setting(device)
    probed = conditions_by_probe(dict(fingerprint)).get(setting.probe)
    here = [str(value) for value in probed.device.values()] if probed is not None else []
    if setting.threads is not None and cpus:
        here.append(f"core {', '.join(map(str, cpus))}")
    text = f"measured as the paper says: {setting.stated}. Chosen here: {setting.chosen}."
    return Flag(
        name="paper_setting",
        severity="info",
        text=f"{text} This device: {', '.join(here)}." if here else text,
        remedy="compare it with the paper only where the device is the paper's own",
    )
