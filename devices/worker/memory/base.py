"""What a GPU's memory is to the runtimes: buffers, asynchronous copies, streams, events, graphs.

Handles of the underlying library (a stream, an event, a graph) are opaque; only the object that made them may use them.
All calls are from one thread. What is called once raises WorkerError; what is called in every request (`record` to
`launch`) lets the library's own exceptions through, because wrapping every call would be part of the latency:
`failure.cuda_failure` tells what they mean.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

if TYPE_CHECKING:
    import numpy as np


class HostBuffer:
    """An array on the host. Page-locked where `pinned`: only then is a copy a plain DMA, and asynchronous."""

    def __init__(self, array: "np.ndarray", pinned: bool, keep: Any = None) -> None:
        self.array = array
        self.pinned = pinned
        self.keep = keep
        """What the library needs to know of it."""


class DeviceBuffer:
    """Bytes on the GPU, at `address`."""

    def __init__(self, address: int, size_bytes: int, keep: Any = None) -> None:
        self.address = address
        self.size_bytes = size_bytes
        self.keep = keep


class Memory:
    """One GPU. Sizes in bytes, times in nanoseconds of the GPU's own clock."""

    name = ""
    HAS_GRAPHS = False

    def facts(self) -> Dict[str, Any]:
        """`name`, `driver` (CUDA's number of it, e.g. 12040), `compute_capability`, `memory_total_bytes`, `library`;
        and which one it is: `uuid` (32 hexadecimal digits with dashes) and `pci_bus_id` (0000:3b:00.0)."""
        raise NotImplementedError

    def host_buffer(self, shape: Sequence[int], dtype: str, pinned: bool) -> HostBuffer:
        """Zeros. Raises WorkerError (out-of-memory)."""
        raise NotImplementedError

    def device_buffer(self, like: HostBuffer) -> DeviceBuffer:
        """Room for what `like` holds, not initialised. Raises WorkerError (out-of-memory)."""
        raise NotImplementedError

    def stream(self) -> Any:
        """A stream that does not wait for the default one."""
        raise NotImplementedError

    def stream_handle(self, stream: Any) -> int:
        """The stream as CUDA knows it, for a library that is handed it."""
        raise NotImplementedError

    def event(self, spin: bool) -> Any:
        """An event with a time. With `spin` the host polls while it waits for it, which costs a core and answers
        sooner; without, it sleeps until the GPU's interrupt."""
        raise NotImplementedError

    def record(self, event: Any, stream: Any) -> None:
        raise NotImplementedError

    def wait(self, event: Any) -> None:
        """Block the host until the event has happened."""
        raise NotImplementedError

    def elapsed_ns(self, start: Any, end: Any) -> int:
        """From one event that has happened to another. CUDA resolves about half a microsecond."""
        raise NotImplementedError

    def copy_in(self, to: DeviceBuffer, host: HostBuffer, stream: Any) -> None:
        raise NotImplementedError

    def copy_out(self, host: HostBuffer, of: DeviceBuffer, stream: Any) -> None:
        raise NotImplementedError

    def launch(self, graph: Any, stream: Any) -> None:
        raise NotImplementedError

    def make_current(self, stream: Any) -> None:
        """Where a library has a current stream: this one from now on."""

    def begin_capture(self, stream: Any) -> None:
        """From here to `end_capture` the stream's work is written down and not done."""
        raise NotImplementedError

    def end_capture(self, stream: Any) -> Any:
        """The graph of what was written down, ready to be launched. Raises WorkerError where it cannot be had."""
        raise NotImplementedError

    def close(self) -> None:
        """Free what this object holds."""


def nanoseconds(milliseconds: float) -> int:
    """CUDA gives times in float32 milliseconds."""
    return round(milliseconds * 1e6)


def described(
    library: str,
    name: Optional[str],
    driver: Optional[int],
    capability: Any,
    memory_total_bytes: Optional[int],
    uuid: Optional[str],
    pci_bus_id: Optional[str],
) -> Dict[str, Any]:
    """`facts` in one form for all libraries; absent where it could not be told."""
    facts = OrderedDict(
        name=name,
        driver=driver,
        compute_capability=None if capability is None else "%d.%d" % tuple(capability),
        memory_total_bytes=memory_total_bytes,
        library=library,
        uuid=uuid,
        pci_bus_id=None if pci_bus_id is None else pci_bus_id.lower(),
    )
    return OrderedDict((key, value) for key, value in facts.items() if value is not None)


def uuid_text(content: bytes) -> str:
    """16 bytes as nvidia-smi writes them, without its prefix."""
    digits = "".join("%02x" % byte for byte in bytearray(content))
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
