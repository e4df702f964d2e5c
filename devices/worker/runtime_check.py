"""Whether the worker starts here and can make its runtime: no artifact, no request. `bench devices doctor` asks."""

import sys
from typing import Any, Dict, NamedTuple, Optional

from .clock import Clock
from .events import EventStream
from .fields import Fields, dictionary, optional, text
from .runtimes import create_runtime


class RuntimeCheck(NamedTuple):
    runtime: str
    runtime_options: Dict[str, Any]
    runtime_class: Optional[str]


def parse_check(document: Any) -> RuntimeCheck:
    """Raises WorkerError (bad-request) with the field that is wrong."""
    fields = Fields("check", document)
    check = RuntimeCheck(
        fields.take("runtime", text),
        fields.take("runtime_options", dictionary, {}),
        fields.take("runtime_class", optional(text), None),
    )
    fields.finish()
    return check


def check_runtime(check: RuntimeCheck, events: EventStream, clock: Clock) -> None:
    """Sends `checked`. Raises WorkerError where the runtime is not there or does not work."""
    started_ns = clock()
    runtime = create_runtime(check.runtime, check.runtime_options, clock, check.runtime_class)
    versions = {module: _version(module) for group in runtime.MODULES for module in group if module in sys.modules}
    runtime.close()
    events.emit("checked", import_ns=clock() - started_ns, modules=versions)


def _version(module: str) -> str:
    """cuda-python and ExecuTorch have it in a module within the package."""
    for name in (module, module + ".bindings", module + ".version"):
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            return str(version)
    return "unknown"
