"""In the process that runs a campaign, Dask unpickles names and plain values, and calls nothing.

Results are bytes (host_answer.py), but what comes from a host through the scheduler is marked by its sender with how it
is to be read, and one way is pickle, which runs whatever the sender likes. Here every class but a few that do nothing
is replaced by one that does nothing either. Hosts themselves have to unpickle: a campaign sends them functions.
"""

from __future__ import annotations

import builtins
import io
import pickle
from typing import Any

_PLAIN = frozenset(
    {"bytes", "bytearray", "str", "int", "float", "bool", "list", "dict", "set", "frozenset", "tuple", "object"}
)
_HARMLESS = frozenset({("distributed.scheduler", "KilledWorker"), ("distributed.client", "FutureCancelledError")})


class InertError(Exception):
    """What stands for any other object: whoever waits for a result takes it for a failure of unknown kind."""

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return "unknown"

    def __call__(self, *_: Any, **__: Any) -> InertError:
        return self

    def __setstate__(self, state: Any) -> None:
        """Whatever it is, it is not kept."""


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "builtins" and (name in _PLAIN or _is_exception(name)):
            return getattr(builtins, name)
        if (module, name) in _HARMLESS:
            return super().find_class(module, name)
        if module.startswith("tblib"):
            if "traceback" in name:
                # Dask does without a traceback whose reading ends like this.
                raise TypeError("tracebacks are not read")
            return _exception
        return InertError


class _InertPickle:
    """Takes the place of the module `pickle` where Dask reads."""

    def __getattr__(self, name: str) -> Any:
        return getattr(pickle, name)

    @staticmethod
    def loads(content: Any, *, buffers: Any = ()) -> Any:
        return _InertUnpickler(io.BytesIO(content), buffers=buffers).load()


def make_dask_inert() -> None:
    """From here on, in this process."""
    import distributed.protocol.pickle

    distributed.protocol.pickle.pickle = _InertPickle()  # type: ignore[assignment,attr-defined]


def _exception(kind: Any, arguments: Any, *_: Any) -> BaseException:
    """As tblib makes one, without its cause and its traceback."""
    plain = isinstance(kind, type) and issubclass(kind, BaseException)
    return kind(*arguments) if plain else InertError()


def _is_exception(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)
