"""Libraries that a brought program loads while it runs: the runtime's own, a vendor's dispatch library and SDK, a GPU
accelerator, a delegate.

Each is pushed by its content like any other file, so that every one lies in a folder of its own; the loader, Qualcomm's
DSP and LiteRT get these folders as their search paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench_worker.files import file_sha256
from latency_bench.devices.errors import InventoryError
from latency_bench.devices.transports.base import Transport

DISPATCH = "libLiteRtDispatch"
"""LiteRT looks for libLiteRtDispatch*.so; the rest of the name is the vendor's."""
COMPILER_PLUGIN = "libLiteRtCompilerPlugin"
DISPATCH_NAMES = "libLiteRtDispatch_Qualcomm.so, _MediaTek.so or _GoogleTensor.so"


@dataclass(frozen=True)
class Libraries:
    """Those on the device, by file name."""

    paths: Mapping[str, str] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    delegate: str | None = None
    """Path of the external delegate."""

    def environment(self) -> dict[str, str]:
        """Search paths for the loader and, of Qualcomm's, for the DSP's own loader."""
        folders = list(dict.fromkeys(path.rpartition("/")[0] for path in self.paths.values()))
        if not folders:
            return {}
        return {"LD_LIBRARY_PATH": ":".join(folders), "ADSP_LIBRARY_PATH": ";".join(folders)}

    def folder_with(self, prefix: str) -> str | None:
        """Where the library whose name begins so lies; None where there is none."""
        return next((path.rpartition("/")[0] for name, path in self.paths.items() if name.startswith(prefix)), None)


def push_libraries(
    transport: Transport, owner: str, libraries: Sequence[Path], delegate: Path | None = None
) -> Libraries:
    """Bring them to the device, as far as they are not there. `owner`: the program, as devices.yaml names it. Raises
    InventoryError for one that is not here."""
    files = [file.expanduser() for file in libraries]
    own = None if delegate is None else delegate.expanduser()
    everything = [*files, *([] if own is None else [own])]
    names = [file.name for file in everything]
    for file in everything:
        if not file.is_file():
            wrong = "not a file" if file.exists() else "not there"
            raise InventoryError(f"{owner}: {file} is {wrong}", "check `libraries` in devices.yaml")
        if names.count(file.name) > 1:
            raise InventoryError(f"{owner}: two libraries are called {file.name}", "leave one of them out")
    paths = {file.name: transport.push(file, file.name) for file in everything}
    return Libraries(
        paths,
        {file.name: file_sha256(str(file)) for file in everything},
        None if own is None else paths[own.name],
    )
