"""A JSON object taken apart field by field; what is wrong is refused with the name of the field."""

import json
import math
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from .failure import WorkerError, bad_request

_REQUIRED = object()

Check = Callable[[Any], Any]


class Fields:
    """One JSON object; every field is taken once, and what is left over is an error."""

    def __init__(self, where: str, document: Any) -> None:
        if not isinstance(document, dict):
            raise bad_request("%s: expected an object, got %s" % (where, _shown(document)))
        self._where = where
        self._left = dict(document)

    def bad(self, key: str, message: str) -> WorkerError:
        return bad_request("%s.%s: %s" % (self._where, key, message))

    def take(self, key: str, check: Check, default: Any = _REQUIRED) -> Any:
        if key not in self._left:
            if default is _REQUIRED:
                raise self.bad(key, "missing")
            return default
        value = self._left.pop(key)
        try:
            return check(value)
        except ValueError as error:
            raise self.bad(key, "expected %s, got %s" % (error, _shown(value)))

    def finish(self) -> None:
        if self._left:
            raise self.bad(sorted(self._left)[0], "unknown field")

    def floors_below_caps(self, min_count: int, max_count: int, min_ns: int, max_ns: int) -> None:
        if min_count > max_count:
            raise self.bad("min_count", "%d is more than max_count, %d" % (min_count, max_count))
        if min_ns > max_ns:
            raise self.bad("min_ns", "%d is more than max_ns, %d" % (min_ns, max_ns))


def _shown(value: Any) -> str:
    words = json.dumps(value, default=str)
    return words if len(words) <= 60 else words[:57] + "..."


def integer(low: int, high: Optional[int] = None) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            raise ValueError("an integer of at least %d" % low + ("" if high is None else " and at most %d" % high))
        return value

    return check


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a finite number")
    return float(value)


def numbers(value: Any) -> List[float]:
    try:
        return [number(part) for part in filled_list(value)]
    except ValueError:
        raise ValueError("a list of finite numbers that is not empty")


def text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a text that is not empty")
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def dictionary(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object")
    return value


def filled_list(value: Any) -> List[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError("a list that is not empty")
    return value


def listing(value: Any) -> List[Any]:
    if not isinstance(value, list):
        raise ValueError("a list")
    return value


def shape(value: Any) -> List[int]:
    """Empty for a scalar; a size of 0 is one that some models take."""
    check = integer(0)
    try:
        return [check(size) for size in listing(value)]
    except ValueError:
        raise ValueError("a list of integers of at least 0")


def cpus(value: Any) -> Tuple[int, ...]:
    check = integer(0)
    try:
        return tuple(sorted({check(cpu) for cpu in filled_list(value)}))
    except ValueError:
        raise ValueError("a list of processor numbers that is not empty")


def file_names(value: Any) -> Tuple[str, ...]:
    names = value if isinstance(value, list) else [None]
    if not all(isinstance(name, str) and _stays_below(name) for name in names):
        raise ValueError("a list of names of files that lie in the artifact's folder or below")
    return tuple(names)


def _stays_below(name: str) -> bool:
    return bool(name) and not os.path.isabs(name) and not {"", ".", ".."} & set(name.split("/"))


def one_of(choices: Tuple[str, ...]) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return str(value)

    return check


def optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)
