"""Passwords, keys and tokens do not get into records, locks, logs or messages.

An address that is known to be one (a word of the command line, BENCH_STORE) is taken apart whole, whatever its password
is made of, and of it only what tells stores apart is kept: protocol, host, path, and names of parameters. In text that
merely holds addresses they are found by their form, which ends at white space and quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

HIDDEN = "***"

_PROTOCOL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,30}(?:::|://))+")
_IN_TEXT = re.compile(rf"{_PROTOCOL.pattern}[^\s\"'<>]+")
_PORT_OR_NOTHING = re.compile(r"[^/?#@:]*(?::[0-9]{1,5})?(?=[/?#]|$)")
"""A host, and its port: an @ behind it belongs to the path (`https://host:8080/mail@x`)."""
_NAMED_ACCOUNT = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""container@account: what stands before the @ is no user."""
_USER_IS_NO_SECRET = frozenset({"ssh", "sftp", "scp"})
_PARAMETER = re.compile(r"([?&;#][A-Za-z0-9_.~%-]*=)[^&;#]*")
_SECRET_PARAMETER = re.compile(
    r"([?&;#][A-Za-z0-9_.~%-]*(?:token|secret|passw(?:or)?d|sig|signature|credential|key|auth|sas)[A-Za-z0-9_.~%-]*=)"
    r"[^&;#]*",
    re.IGNORECASE,
)
"""In text, addresses of pages and documents are worth more whole."""


def address_without_secrets(address: str) -> str:
    """Of one whole address (`s3://...`, `simplecache::https://...`), chained ones included: no user with a password, no
    token in the place of a user, no values of parameters and no fragment."""
    return "".join(_part(part, whole=True) for part in _parts(address))


def secrets_of(address: str) -> tuple[str, ...]:
    """What `address_without_secrets` hides, as it is written, the longest first: tools repeat it out of context."""
    secrets: set[str] = set()
    for part in _parts(address) if "://" in address else ():
        start = _PROTOCOL.match(part)
        rest = part[start.end() :] if start else part
        user, _ = _split_user(part, whole=True)
        hidden = {user, user.partition(":")[2]} if _is_secret(part, user) else set()
        hidden |= {found[0].partition("=")[2] for found in _PARAMETER.finditer(rest)}
        hidden |= {rest.partition("#")[2]} if "#" in rest.removeprefix(user) else set()
        secrets |= hidden
    return tuple(sorted(filter(None, secrets), key=len, reverse=True))


def command_without_secrets(words: Sequence[str]) -> tuple[str, ...]:
    """A command line for a record: its addresses are without secrets, each word taken as a whole, and bytes that are no
    UTF-8, as a path may have them, are written as `\\xe9`."""
    return tuple(_word(word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")) for word in words)


def without_secrets(text: str) -> str:
    """`text` with the secrets of every address in it replaced by `***`."""
    if "://" not in text:
        return text
    return _IN_TEXT.sub(lambda found: "".join(_part(part, whole=False) for part in _parts(found[0])), text)


def json_without_secrets(text: str) -> str:
    """The same for every text inside a JSON document; its formatting is lost where there are addresses in it."""
    return text if "://" not in text else json.dumps(_cleaned(json.loads(text)))


def _word(word: str) -> str:
    option, equals, value = word.partition("=")
    if equals and option.startswith("-") and _PROTOCOL.match(value):
        return f"{option}={address_without_secrets(value)}"
    return address_without_secrets(word) if _PROTOCOL.match(word) and "://" in word else without_secrets(word)


def _parts(address: str) -> list[str]:
    """A chain link by link (`zip://x::s3://bucket/y`), as fsspec takes it apart, each with the `::` before it."""
    links = re.split(r"(?=::[A-Za-z][A-Za-z0-9+.-]{0,30}://)", address)
    return [link for link in links if link]


def _part(part: str, whole: bool) -> str:
    start = _PROTOCOL.match(part.removeprefix("::"))
    if start is None:
        return part
    before = part[: len(part) - len(part.removeprefix("::")) + start.end()]
    user, rest = _split_user(part, whole)
    shown = f"{HIDDEN}@" if _is_secret(part, user) else f"{user}@" if user else ""
    parameter = _PARAMETER if whole else _SECRET_PARAMETER
    plain = parameter.sub(lambda found: f"{found[1]}{HIDDEN}", rest)
    head, hash_, fragment = plain.partition("#")
    if hash_ and "=" not in fragment and whole:
        fragment = HIDDEN
    return f"{before}{shown}{head}{hash_}{fragment}"


def _split_user(part: str, whole: bool) -> tuple[str, str]:
    """(what stands before the host's @, the rest) of `protocol://user:password@host/path`.

    A password may hold anything, / and @ included. Where an address stands alone, everything before the last @ is taken
    for one as soon as there is a colon in it; in text `https://host:8080/mail@x` is a page of that host.
    """
    start = _PROTOCOL.match(part.removeprefix("::"))
    rest = part.removeprefix("::")[start.end() :] if start else part
    user, at, host = rest.rpartition("@")
    is_path = re.match(r"[^:]*[/?#]", user) is not None
    if not at or is_path or (not whole and _PORT_OR_NOTHING.match(rest)):
        return "", rest
    return user, host


def _is_secret(part: str, user: str) -> bool:
    protocol = part.removeprefix("::").partition("://")[0].rpartition("::")[2].lower()
    if not user or protocol in _NAMED_ACCOUNT:
        return False
    return ":" in user or protocol not in _USER_IS_NO_SECRET


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {without_secrets(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value
