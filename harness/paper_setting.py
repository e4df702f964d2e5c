"""`--setting paper`: what the paper says of how it measured on each kind of device, and what had to be chosen beyond.

Source: EfficientViT, section 4.1, "Latency Measurement", and the caption of Figure 4 for the Snapdragon 855.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latency_bench.devices.device import Device
from latency_bench.devices.opening import runner_class
from latency_bench.devices.probe_conditions import conditions_by_probe
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.outcome import Flag

NAME = "paper"


@dataclass(frozen=True)
class PaperSetting:
    """How the paper measured on one kind of device."""

    kind: str
    """What the devices are, in words."""
    probe: str
    """Devices of the kind have this probe."""
    runtime: str
    precision: str
    batch: int | None
    """None: the paper's tables differ in it, so it is the user's."""
    threads: int | None
    """Of a runtime on the CPU."""
    stated: str
    """What the paper says."""
    chosen: str
    """What it does not say, what was chosen, and why."""


SETTINGS = (
    PaperSetting(
        kind="Android phones",
        probe="android",
        runtime="litert",
        precision="fp32",
        batch=1,
        threads=1,
        stated="TensorFlow Lite on the CPU of a Snapdragon 8 Gen 1 (Figure 4: a Snapdragon 855), fp32, batch 1",
        # 0.52 G multiply-adds in the 19 ms that the authors' first README gives for B1 at 224x224 are 27 G a second;
        # one Cortex-X2 at 3 GHz can do 48 (four units of four fp32 each), four threads would reach that much alone.
        chosen="one thread on the fastest core: the paper does not say how many, and its times fit one Cortex-X2",
    ),
    PaperSetting(
        kind="Jetson boards",
        probe="jetson",
        runtime="tensorrt",
        precision="fp16",
        batch=1,
        threads=None,
        stated="TensorRT on a Jetson Nano or a Jetson AGX Orin, fp16, batch 1, transfer included",
        chosen="the power mode is the device's own: the paper does not name one",
    ),
    PaperSetting(
        kind="NVIDIA GPUs",
        probe="nvidia",
        runtime="tensorrt",
        precision="fp16",
        batch=None,
        threads=None,
        stated="TensorRT on an A100, fp16, transfer included; batch 1 for Cityscapes, 16 for ADE20K and SAM",
        chosen="clocks are as the device has them: the paper does not say whether they were locked",
    ),
)
"""The first whose probe a device has is its kind."""


def paper_setting(device: Device) -> PaperSetting:
    """The setting for a device. Raises UsageError for one of a kind that the paper did not measure on."""
    for setting in SETTINGS:
        if setting.probe in device.probes:
            return setting
    kinds = ", ".join(f"{setting.kind} (probe {setting.probe})" for setting in SETTINGS)
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
