"""A setting that a probe declares: its name, what may be written for it, what it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

SettingValue = str | bool | int | float
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}")
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Setting:
    """One setting by the name that devices.yaml and `--setting` use."""

    name: str
    kind: Literal["text", "flag", "number"]
    help: str
    """A sentence for people: what it sets, and with which tool."""

    def read(self, value: object) -> SettingValue:
        """The value in its type; a flag that is off is False. Raises ValueError for one that does not fit."""
        if self.kind == "flag":
            flag = _FLAGS.get(value.lower()) if isinstance(value, str) else value
            if not isinstance(flag, bool):
                raise ValueError(f"{str(value)[:40]!r} is neither true nor false")
            return flag
        if self.kind == "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"{str(value)[:40]!r} is not a number")
            return value
        text = value if isinstance(value, str) else "" if isinstance(value, bool) else str(value)
        if not _TEXT.fullmatch(text):
            raise ValueError(f"{str(value)[:40]!r} is not a valid name: up to 40 letters, digits, spaces and . _ + -")
        return text
