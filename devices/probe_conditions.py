"""The conditions of a whole device: those of all probes that a record's fingerprint names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latency_bench.devices.parts import installed_part
from latency_bench.devices.probes.base import Probe
from latency_bench.devices.probes.conditions import Conditions, Scalar

TUNED = "tuned"
"""Key of the fingerprint under which a session keeps what it set, by operation; every other key is a probe's name."""


def installed_probes(fingerprint: Mapping[str, Any]) -> list[type[Probe]]:
    """The classes of the probes that a fingerprint names, in its order; those that are not installed are left out."""
    found = [installed_part("probe", name) for name in fingerprint if name != TUNED]
    return [probe for probe in found if probe is not None]


def conditions_by_probe(fingerprint: Mapping[str, Any]) -> dict[str, Conditions]:
    """What each probe of the fingerprint says has to be equal; probes that are not installed here are left out.

    Never raises: a fingerprint may come from a record of somebody else, and a probe from somebody else's package.
    """
    tuned = fingerprint.get(TUNED)
    by_probe = {}
    for probe in installed_probes(fingerprint):
        try:
            found = probe.conditions(fingerprint[probe.name], tuned if isinstance(tuned, dict) else {})
            by_probe[probe.name] = Conditions.of(found.device, found.system)
        except Exception as error:
            # Said, so that such a run is not taken for one with the conditions of all others.
            unreadable = {f"conditions of {probe.name}": f"unreadable ({type(error).__name__})"}
            by_probe[probe.name] = Conditions.of(system=unreadable)
    return by_probe


def probe_conditions(
    fingerprint: Mapping[str, Any], stored: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Scalar]]:
    """`{"device": {...}, "system": {...}}`: the conditions of all probes, merged.

    `stored` are those that the record keeps, by probe. They count where the probe is not installed on this host; else
    the fingerprint is read anew, so that records of all ages are read by the same rules. Two probes that use one name
    for different things are told apart by the probe's name.
    """
    by_probe = {
        name: Conditions.of(kept.get("device"), kept.get("system"))
        for name, kept in (stored or {}).items()
        if isinstance(kept, Mapping)
    } | conditions_by_probe(fingerprint)
    merged: dict[str, dict[str, Scalar]] = {"device": {}, "system": {}}
    for probe in sorted(by_probe):
        for dimension, values in (("device", by_probe[probe].device), ("system", by_probe[probe].system)):
            for name, value in values.items():
                taken = merged[dimension].get(name, value) != value
                merged[dimension][f"{probe} {name}" if taken else name] = value
    return merged
