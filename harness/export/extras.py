"""Which extra of latency-bench brings a package that is imported where it is needed: read from what formats and
runtimes declare."""

from __future__ import annotations

from functools import cache

from bench_worker.runtimes import runtime_class, runtime_names
from latency_bench.harness.export.formats import own_formats

_ELSEWHERE = {
    "timm": "zoo",
    "transformers": "zoo",
    "torchvision": "zoo",
    "matplotlib": "reports",
    "pandas": "reports",
    "jinja2": "reports",
    "markupsafe": "reports",
    "dask": "campaign",
    "distributed": "campaign",
    "cryptography": "campaign",
    "fsspec": "remote",
}
"""Of packages that neither a format nor a runtime needs."""


def extra_that_has(package: str | None) -> str | None:
    """The extra to install for a missing package; None for one that no extra has, whose absence is a fault of ours."""
    return _extras().get((package or "").split(".")[0])


@cache
def _extras() -> dict[str, str]:
    """By module. A module of several formats is brought by the one that needs least, and by it all that it needs."""
    extras: dict[str, str] = {}
    for target in sorted(own_formats(), key=lambda one: len(one.modules)):
        if target.extra is not None:
            extras.update((module, target.extra) for module in target.modules if module not in extras)
    for name in runtime_names():
        declared = runtime_class(name)
        if declared.EXTRA is not None:
            needed = (module for group in declared.MODULES for module in group)
            extras.update((module, declared.EXTRA) for module in needed if module not in extras)
    return {**extras, **_ELSEWHERE}
