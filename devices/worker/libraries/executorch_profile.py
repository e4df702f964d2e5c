"""Times by operator from the events that ExecuTorch writes down while a program runs (an ETDump).

Numbers of fields are those of `devtools/etdump/etdump_schema_flatcc.fbs`. ExecuTorch's own reader imports pandas and
the exporter for what two tables say. XNNPACK counts whole microseconds, so that many requests say more than few.
"""

import os
import tempfile
from typing import Any, List, Sequence, Tuple

from ..failure import bad_request
from ..runtime.base import LayerTime
from ..runtime.layer_times import LayerTimes
from .executorch_program import METHOD
from .flatbuffer_tables import Table

_RUN = "Execute"
_KERNEL = "native_call_"
"""How the events of kernels begin; around each is one that has the call's cost too."""
_DELEGATE = "DELEGATE_CALL"


def profile_operators(bindings: Any, artifact: str, tensors: Sequence[Any], count: int) -> List[LayerTime]:
    """Over `count` requests after one that warms up, slowest first; `tensors` are the inputs. Raises WorkerError
    (bad-request) where this build of ExecuTorch writes no events down, which releases before 1.5 do not on Linux."""
    program = bindings._load_program(artifact, enable_etdump=True)
    method = program.load_method(METHOD)
    for _ in range(count + 1):
        method.set_inputs(tensors)
        method.execute()
    place, path = tempfile.mkstemp(suffix=".etdp", dir=os.getcwd())
    os.close(place)
    try:
        program.write_etdump_result_to_file(path, None)
        with open(path, "rb") as stream:
            content = stream.read()
    finally:
        os.unlink(path)
    layers = read_layers(content, count) if content else []
    if not layers:
        raise bad_request(
            "this build of ExecuTorch does not report times of operators",
            "install executorch 1.5 or later there, or profile with another --runtime",
        )
    return layers


def read_layers(content: bytes, count: int) -> List[LayerTime]:
    """Of the last `count` runs. Raises ValueError for what is not an ETDump."""
    # Its size may stand before it.
    dump = Table.root(memoryview(content), 4 if content[8:12] == b"ED00" else 0)
    runs = [run for run in dump.tables(1) if run.text(0) == _RUN][-count:]
    times = LayerTimes()
    for run in runs:
        for place, (operator, duration_ns) in enumerate(_leaves(run)):
            times.add("%d" % place, operator, duration_ns)
    return times.slowest_first()


def _leaves(run: Table) -> List[Tuple[str, int]]:
    """Operators and nanoseconds in order: kernels, and nodes of XNNPACK, or its pieces as a whole where it does not
    tell its nodes."""
    events = [event.table(0) for event in run.tables(3) if event.has(0)]
    has_nodes = any(map(_is_node, events))
    leaves = []
    for event in events:
        name, duration_ns = event.text(0), event.number(7, "Q") - event.number(6, "Q")
        if _is_node(event):
            # `Convolution (NHWC, F32) IGEMM #3`: the third of its kind.
            leaves.append((event.text(4).partition(" #")[0] or name, duration_ns))
        elif name.startswith(_KERNEL):
            leaves.append((name[len(_KERNEL) :], duration_ns))
        elif name == _DELEGATE and not has_nodes:
            leaves.append((name, duration_ns))
    return leaves


def _is_node(event: Table) -> bool:
    return event.has(4) or event.number(3, "i", -1) != -1
