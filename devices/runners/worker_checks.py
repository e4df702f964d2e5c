"""What can be wrong with a device's Python: too old, without numpy, without the modules of the runtime."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from bench_worker.runtime.declaration import RuntimeDeclaration
from latency_bench.devices.checks import TIMEOUT_S, Check, last_words
from latency_bench.devices.transports.base import Transport

LEAST_PYTHON = (3, 6)

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
    lines = [line for line in completed.stdout.splitlines() if line.startswith("@python ")]
    if not lines:
        yield Check(
            "python",
            "failed",
            f"{' '.join(python)} does not run: {last_words(completed)}",
            "set `python` in devices.yaml",
        )
        return
    version, numpy, found = json.loads(lines[0].removeprefix("@python "))
    text = ".".join(map(str, version))
    old = tuple(version[:2]) < LEAST_PYTHON
    yield Check("python", "failed" if old else "ok", f"{text} ({' '.join(python)})", "3.6 or newer is needed" * old)
    pip = f"{' '.join(python)} -m pip install"
    yield Check("numpy", "ok" if numpy else "failed", numpy or "missing", "" if numpy else f"{pip} numpy")
    for group in declared.MODULES:
        there = [module for module in group if module in found]
        yield Check(
            f"{declared.name} modules",
            "ok" if there else "failed",
            ", ".join(there) or f"none of {', '.join(group)}",
            "" if there else declared.INSTALL or f"install it for {' '.join(python)}, or choose another `runtime`",
        )
