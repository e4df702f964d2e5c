"""Software behind the names that one release of TensorRT has (tensorrt_names.json, tensorrt_rtx_names.json), and
behind no others.

Python 3.6 imports it too: the worker's `tensorrt` over the stand-in driver is made of it.
"""

import json
import os


def _table(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), encoding="utf-8") as file:
        return json.load(file)


TABLE, RTX = _table("tensorrt_names.json"), _table("tensorrt_rtx_names.json")
RELEASES = list(TABLE["releases"])
"""Oldest first."""
KINDS = {
    "Config": "IBuilderConfig",
    "Engine": "ICudaEngine",
    "Context": "IExecutionContext",
    "Network": "INetworkDefinition",
    "Inspector": "EngineInspector",
    "Tensor": "ITensor",
    "Layer": "ILayer",
    "TimingCache": "ITimingCache",
    "Profile": "IOptimizationProfile",
}
"""The software's classes, by the names of the real ones, where these differ."""
KINDS.update((name, name) for name in ("Builder", "OnnxParser", "Runtime"))
ENUMERATIONS = set(TABLE["names"]) - {"", "ILogger", "IProfiler"} - set(KINDS.values())


def numbers(version):
    return tuple(int(word) for word in version.split("."))


def recorded_release(version):
    """The last release of the table that is not newer: "8.2" for "8.2.1.8"."""
    return [release for release in RELEASES if numbers(release) <= numbers(version)][-1]


def is_there(release, kind, name):
    """Whether this release has this name; functions and classes of the module are of the kind "". `release` is one of
    RELEASES, or "rtx"."""
    if release == "rtx":
        return name in RTX["names"].get(kind, ())
    first, last = TABLE["names"].get(kind, {}).get(name, ("none", "none"))
    return first != "none" and RELEASES.index(first) <= RELEASES.index(release) <= RELEASES.index(last)


class Release:
    """What one release has, and what was asked of it."""

    def __init__(self, release):
        self.release = release
        self.used = set()
        self.lacked = set()

    def check(self, kind, name):
        if not is_there(self.release, kind, name):
            self.lacked.add((kind, name))
            raise AttributeError(f"TensorRT {self.release} has no {kind}.{name}")
        self.used.add((kind, name))

    def wrap(self, value):
        name = value.__name__ if isinstance(value, type) else type(value).__name__
        if isinstance(value, type) and name in ENUMERATIONS:
            return Recorded(self, name, value)
        if not isinstance(value, type) and name in KINDS:
            return Recorded(self, KINDS[name], value)
        if not callable(value) or isinstance(value, Recorded) or (isinstance(value, type) and name not in KINDS):
            return value
        return lambda *arguments: self.wrap(value(*(unwrapped(one) for one in arguments)))


class Recorded:
    """An object of the software behind the names of the real one."""

    def __init__(self, release, kind, thing):
        object.__setattr__(self, "_parts", (release, kind, thing))

    def __getattr__(self, name):
        release, kind, thing = self._parts
        if not name.startswith("__"):
            release.check(kind, name)
        return release.wrap(getattr(thing, name))

    def __setattr__(self, name, value):
        release, kind, thing = self._parts
        release.check(kind, name)
        setattr(thing, name, unwrapped(value))


def unwrapped(value):
    return value._parts[2] if isinstance(value, Recorded) else value
