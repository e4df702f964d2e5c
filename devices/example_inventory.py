"""The lines of devices.yaml that a new device needs, taken from the example that is installed beside this file."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLE = Path(__file__).with_name("devices.example.yaml")
_FIELD = re.compile(r"^  ([a-z0-9][a-z0-9._-]*):\s*$", re.M)


def example_lines(name: str) -> str:
    """The example's entry of this name, without commented fields; else a host over SSH, to be filled in."""
    text = EXAMPLE.read_text(encoding="utf-8")
    starts = list(_FIELD.finditer(text))
    for index, found in enumerate(starts):
        if found[1] == name:
            end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
            block = text[found.start() : end]
            return "\n".join(["devices:", *(line for line in block.splitlines() if not re.match(r"\s*(#|$)", line))])
    return f"devices:\n  {name}:\n    transport: ssh\n    ssh: {{host: HOST, user: USER}}"
