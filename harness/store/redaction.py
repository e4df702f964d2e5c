"""Passwords and keys do not get into records, logs or messages."""

from __future__ import annotations

import json
import re
from typing import Any

HIDDEN = "***"

_USER_AND_PASSWORD = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30}://)[^/?#\s\"'<>@:]*:[^/?#\s\"'<>]*@")
"""Up to the last @ before the path: whoever writes a password with an @ in it has it hidden all the same."""

_SECRET_PARAMETER = re.compile(
    r"(?P<name>[?&;][A-Za-z0-9_.-]*(?:token|secret|passw(?:or)?d|sig|signature|credential|api-?_?key|access-?_?key)"
    r"[A-Za-z0-9_.-]*=)[^&;#\s\"'<>]+",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """`text` with user and password, and secret parameters, of every address in it replaced by `***`."""
    if "://" not in text:
        return text
    text = _USER_AND_PASSWORD.sub(lambda found: f"{found['scheme']}{HIDDEN}@", text)
    return _SECRET_PARAMETER.sub(lambda found: f"{found['name']}{HIDDEN}", text)


def secrets_of(url: str) -> tuple[str, ...]:
    """The password of one address, with and without its user, as written there: tools repeat them out of context."""
    found = _USER_AND_PASSWORD.match(url)
    if found is None:
        return ()
    both = found[0].removeprefix(found["scheme"]).removesuffix("@")
    return both, both.partition(":")[2]


def json_without_secrets(text: str) -> str:
    """The same for every text inside a JSON document; its formatting is lost where there are addresses in it."""
    return text if "://" not in text else json.dumps(_cleaned(json.loads(text)))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {without_secrets(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value
