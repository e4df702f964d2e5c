"""The same by `nvidia-smi`, for a GPU in another machine: a process a reading, so fewer values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from latency_bench.devices import numerals
from latency_bench.devices.errors import DeviceError, UnreachableError
from latency_bench.devices.probes.readings import (
    FREQUENCY,
    LOAD,
    MEMORY_FREQUENCY,
    POWER_TOTAL,
    TEMPERATURE,
    THROTTLE_REASONS,
    Reading,
)
from latency_bench.devices.transports.base import Transport

TIMEOUT_S = 20.0
# `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c-...)`
_LISTED = re.compile(r"GPU \d+: .*\(UUID: (GPU-[0-9a-f-]+)\)")
# Query name and quantity.
_READINGS = (
    ("clocks.sm", FREQUENCY),
    ("clocks.mem", MEMORY_FREQUENCY),
    ("temperature.gpu", TEMPERATURE),
    ("power.draw", POWER_TOTAL),
    ("utilization.gpu", LOAD),
    ("clocks_throttle_reasons.active", THROTTLE_REASONS),
)
_FACTS = (
    ("name", "model"),
    ("uuid", "uuid"),
    ("pci.bus_id", "pci_bus_id"),
    ("driver_version", "driver"),
    ("memory.total", "memory_total_mib"),
    ("clocks.max.sm", "max_sm_mhz"),
    ("power.limit", "power_limit_w"),
    ("pcie.link.gen.current", "pcie_generation"),
    ("pcie.link.width.current", "pcie_width"),
)


def smi_facts(transport: Transport) -> dict[str, Any]:
    """Raises DeviceError where there is no nvidia-smi, or it finds no driver."""
    rows = _query(transport, "gpu", [query for query, _ in _FACTS])
    gpus: list[dict[str, Any]] = [
        {name: _number(word) for (_, name), word in zip(_FACTS, row, strict=True) if _known(word)} for row in rows
    ]
    processes = [
        {"pid": int(pid), "name": name, "gpu_uuid": uuid}
        for pid, name, uuid in _query(transport, "compute-apps", ["pid", "process_name", "gpu_uuid"])
        if numerals.count(pid) is not None
    ]
    divided = _divided_by_mig(transport)
    driver = gpus[0].get("driver") if gpus else None
    for gpu in gpus:
        gpu.pop("driver", None)
        gpu["processes"] = [one for one in processes if one["gpu_uuid"] == gpu.get("uuid")]
        if gpu.get("uuid") in divided:
            gpu["mig"] = 1
    return {"driver": str(driver), "gpus": gpus}


def _divided_by_mig(transport: Transport) -> set[str]:
    """UUIDs of the GPUs below which parts are listed. Asked in this way, because older drivers refuse a query that has
    a field for it in it."""
    divided, latest = set(), ""
    for line in _run(transport, ["-L"]).splitlines():
        if found := _LISTED.match(line):
            latest = found[1]
        elif line.strip().startswith("MIG ") and latest:
            divided.add(latest)
    return divided


def smi_readings(transport: Transport) -> list[Reading]:
    found = []
    for number, row in enumerate(_query(transport, "gpu", [query for query, _ in _READINGS])):
        for (_, quantity), word in zip(_READINGS, row, strict=True):
            value = _number(word) if _known(word) else None
            if isinstance(value, (int, float)):
                found.append(quantity.of(f"gpu{number}", value))
    return found


def _query(transport: Transport, what: str, fields: Sequence[str]) -> list[list[str]]:
    printed = _run(transport, [f"--query-{what}={','.join(fields)}", "--format=csv,noheader,nounits"])
    rows = [[word.strip() for word in line.split(",")] for line in printed.splitlines() if line.strip()]
    return [row for row in rows if len(row) == len(fields)]


def _run(transport: Transport, words: Sequence[str]) -> str:
    remedy = "check nvidia-smi there; a device without an NVIDIA GPU needs no `nvidia` among its probes"
    try:
        completed = transport.run(["nvidia-smi", *words], timeout_s=TIMEOUT_S)
    except UnreachableError:
        raise
    except DeviceError as error:
        raise DeviceError(f"nvidia-smi does not run: {error.message}", remedy) from None
    if completed.returncode != 0:
        said = (completed.stderr.strip() or completed.stdout.strip())[-200:]
        raise DeviceError(f"nvidia-smi failed: {said or completed.returncode}", remedy)
    return completed.stdout


def _known(word: str) -> bool:
    return bool(word) and not word.startswith("[") and word.lower() not in ("n/a", "not supported", "not active")


def _number(word: str) -> int | float | str:
    """`1410`, `71.50`, `0x0000000000000004`; else the word."""
    for read in (numerals.integer, numerals.hexadecimal, numerals.number):
        if (value := read(word)) is not None:
            return value
    return word
