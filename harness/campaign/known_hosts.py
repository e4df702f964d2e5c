"""Which hosts a campaign began with: whoever comes later has to be one of them, or like them.

A device that is a computer itself is measured by that computer alone; any other by every host that has it, if program,
runtimes and the device's settings are those of the first one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from latency_bench.devices.device import Device
from latency_bench.harness.campaign.host_identity import HostIdentity, this_host
from latency_bench.harness.errors import UsageError


@dataclass(frozen=True)
class Offered:
    """A device as the first host that offered it has it."""

    host: HostIdentity
    device: Device

    def objection(self, host: HostIdentity) -> str | None:
        """Why `host` must not measure this device, in words; None where it may."""
        if self.device.transport == "local" and not self.host.is_same_computer(host):
            return f"the campaign measures {self.device.name} on {self.host.label}, and this is {host.label}"
        packages = self.host.packages.keys() & host.packages.keys()
        different = self.host.program_differences(host) + self.host.package_differences(host, packages)
        return f"it has {', '.join(different)}, unlike {self.host.name} before it" if different else None


class KnownHosts:
    """What the campaign goes by once it has asked the hosts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._computers: dict[str, HostIdentity] = {}
        self._offered: dict[str, Offered] = {}

    def admit(self, host: HostIdentity, devices: Mapping[str, Device]) -> None:
        """A host and what it offers, before anything is measured. Raises UsageError where it does not go with the
        others."""
        from latency_bench.harness.software import export_packages

        with self._lock:
            different = this_host().program_differences(host)
            for other in self._computers.values():
                different += other.package_differences(host, sorted(export_packages()))
            if different:
                raise UsageError(
                    f"{host.name} has {', '.join(dict.fromkeys(different))}; install the same on all hosts"
                )
            namesake = self._computers.setdefault(host.name, host)
            if not namesake.is_same_computer(host):
                raise UsageError(f"two computers call themselves {host.name!r}; give one of them another host name")
            for device in devices.values():
                self._admit_device(Offered(host, device))

    def of(self, name: str) -> Offered | None:
        """The device of this name, as it was first offered."""
        return self._offered.get(name)

    def names(self) -> list[str]:
        return sorted(self._offered)

    def _admit_device(self, offer: Offered) -> None:
        name = offer.device.name
        first = self._offered.setdefault(name, offer)
        if offer.device != first.device:
            raise UsageError(
                f"{first.host.name} and {offer.host.name} have different settings for {name!r}; make the two entries "
                "of their devices.yaml the same"
            )
        if offer.device.transport == "local" and not first.host.is_same_computer(offer.host):
            raise UsageError(
                f"{first.host.name} and {offer.host.name} both offer themselves as {name!r}; give each a name of its "
                "own in its devices.yaml (`transport: local`)"
            )
        objection = first.objection(offer.host)
        if objection is not None:
            raise UsageError(f"{offer.host.name} cannot measure {name}: {objection}")
