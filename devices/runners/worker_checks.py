"""What can be wrong with a device's Python: too old, without numpy, without the modules of the runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from bench_worker.runtime.declaration import RuntimeDeclaration
from latency_bench.devices.checks import TIMEOUT_S, Check, last_words
from latency_bench.devices.transports.base import Transport

LEAST_PYTHON = (3, 6)
_MARK = "@python "
_Number = Annotated[int, Field(ge=0, le=1000)]
_Name = Annotated[str, Field(max_length=100)]
_INSPECTED = TypeAdapter(tuple[tuple[_Number, _Number, _Number], _Name | None, list[_Name]])

# Prints one JSON line, also on the oldest Python that the worker runs on. Words: the modules to look for.
_INSPECT = (
    "import importlib.util as u, json, sys; "
    "n = getattr(__import__('numpy'), '__version__', None) if u.find_spec('numpy') else None; "
    "print('@python ' + json.dumps([list(sys.version_info[:3]), n, [m for m in sys.argv[1:] if u.find_spec(m)]]))"
)


def python_checks(transport: Transport, python: Sequence[str], declared: type[RuntimeDeclaration]) -> Iterator[Check]:
    """Whether Python, numpy and the runtime's modules are there."""
    words = [module for group in declared.MODULES for module in group]
    completed = transport.run([*python, "-c", _INSPECT, *words], timeout_s=TIMEOUT_S)
    try:
        line = next(line for line in completed.stdout.splitlines() if line.startswith(_MARK))
        version, numpy, found = _INSPECTED.validate_json(line.removeprefix(_MARK), strict=True)
    except (StopIteration, ValidationError):
        yield Check(
            "python",
            "failed",
            f"{' '.join(python)} does not run: {last_words(completed)}",
            "set `python` in devices.yaml",
        )
        return
    text = ".".join(map(str, version))
    old = version[:2] < LEAST_PYTHON
    yield Check("python", "failed" if old else "ok", f"{text} ({' '.join(python)})", "3.6 or newer is needed" * old)
    pip = f"{' '.join(python)} -m pip install"
    yield Check("numpy", "ok" if numpy else "failed", numpy or "missing", "" if numpy else f"{pip} numpy")
    for group in declared.MODULES:
        there = [module for module in group if module in found]
        yield Check(
            f"{declared.name} modules",
            "ok" if there else "failed",
            ", ".join(there) or f"missing: {' or '.join(group)}",
            "" if there else declared.INSTALL or f"install it for {' '.join(python)}, or choose another `runtime`",
        )
