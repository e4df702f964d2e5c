"""What is brought to a device so that the worker runs there: the worker's own folder, and beside it the module of a
third party's runtime, so that the device's Python needs neither of them installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import bench_worker
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.runtimes import third_party_entry
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Transport

_WORKER = Path(str(bench_worker.__file__)).parent
_NOT_COPIED = shutil.ignore_patterns("__pycache__")


def push_worker(transport: Transport, runtime: str) -> str:
    """Path on the device of the program that starts the worker. Raises InventoryError for a third party's module that
    is no file or folder."""
    entry = third_party_entry(runtime)
    with TemporaryFolder("worker") as temporary:
        folder = temporary / "worker"
        shutil.copytree(_WORKER, folder / "bench_worker", ignore=_NOT_COPIED)
        if entry is not None:
            _copy_module(entry.module.partition(".")[0], folder)
        # A session may run several runtimes, each beside its own module and no other.
        pushed = transport.push(folder, f"worker-{runtime}")
    return str(PurePosixPath(pushed) / "bench_worker" / "start.py")


def push_json(transport: Transport, document: dict[str, Any], file: Path) -> str:
    """Write a document to `file` and push that; returns its path on the device, which may be `file` itself."""
    file.write_text(json.dumps(document), encoding="utf-8")
    return transport.push(file, file.name)


def with_values_there(transport: Transport, entry: dict[str, Any]) -> dict[str, Any]:
    """The description of an input, with the file of its values brought to the device where it has one."""
    if "values" not in entry:
        return entry
    file = Path(entry["values"])
    return {**entry, "values": transport.push(file, f"values-{file.parent.name[:16]}{file.suffix}")}


def _copy_module(name: str, folder: Path) -> None:
    """The file or the whole package of this name on the host."""
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if places:
        shutil.copytree(places[0], folder / name, ignore=_NOT_COPIED)
    elif spec is not None and spec.origin is not None and Path(spec.origin).is_file():
        shutil.copy(spec.origin, folder)
    else:
        raise InventoryError(
            f"the runtime's module {name} is not a file or folder on this computer, so it cannot be copied",
            "install its package unpacked, not as a zip file",
        )
