"""Settings of a device that its probes declare: which there are, what may be written for them, who applies them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from latency_bench.devices.errors import InventoryError
from latency_bench.devices.parts import installed_part, part_names
from latency_bench.devices.probes.base import Probe
from latency_bench.devices.tuning.setting import Setting, SettingValue


def known_settings(probes: object) -> dict[str, Setting]:
    """Settings by name that the named probes declare. A name that is no probe's is left for `open_device` to refuse."""
    settings: dict[str, Setting] = {}
    for name in probes if isinstance(probes, (list, tuple)) else ():
        probe = installed_part("probe", name) if isinstance(name, str) else None
        declared = probe.settings if probe is not None else ()
        settings = {setting.name: setting for setting in declared} | settings
    return settings


def settings_by_probe(
    device: str, asked: Mapping[str, SettingValue], probes: Sequence[Probe]
) -> dict[str, dict[str, SettingValue]]:
    """What each probe has to set: every setting goes to the first probe that declares it.

    Raises InventoryError for a setting that none of them declares, and for a value that it does not take.
    """
    shares: dict[str, dict[str, SettingValue]] = {probe.name: {} for probe in probes}
    for name, value in asked.items():
        owner = next((probe for probe in probes if name in _names(probe.settings)), None)
        if owner is None:
            raise InventoryError(
                f"none of the probes of the device {device!r} has a setting called {name!r}", _advice(name, probes)
            )
        setting = next(setting for setting in owner.settings if setting.name == name)
        try:
            read = setting.read(value)
        except ValueError as error:
            raise InventoryError(f"{name} of device {device!r}: {error}", setting.help) from None
        if read is not False:
            shares[owner.name][name] = read
    return shares


def _advice(name: str, probes: Sequence[Probe]) -> str:
    others = [probe for probe in part_names("probe") if name in known_settings([probe])]
    if others:
        return f"add {' or '.join(f'`{probe}`' for probe in others)} to its `probes` in devices.yaml"
    own = sorted(set().union(*(_names(probe.settings) for probe in probes)))
    return f"its probes have {', '.join(own)}" if own else "its probes have no settings"


def _names(settings: Iterable[Setting]) -> set[str]:
    return {setting.name for setting in settings}
