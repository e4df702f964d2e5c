"""The shell text that surrounds every command on the device, so that nothing of it outlives the call.

Neither `adb` nor `adb-shell` stops a command when the client goes away: a silent process runs on, and heats the phone
for the next measurement. Three things end it here, whichever comes first: a watcher that waits for the end of standard
input, which the daemon closes when the client or the link is gone; the signs of life, which are counted, for a link
that breaks without anybody noticing; and the shell itself, which kills what the command left in its process group.
Android's own `timeout` (toybox 0.8.9) is no help: it says 127 for one of four commands that end at once.

A sign of life every two seconds lets the host tell a silent command from a device that is gone. It comes from a process
of its own that sleeps in between and runs on any core but costs none of them more than a fork every two seconds.

The exit code travels on stderr behind a word that nobody can guess: the adb program ends with code 0 as well as with 1
when the link breaks, so its own code proves nothing.
"""

from __future__ import annotations

import math
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence

SIGN_OF_LIFE_S = 2
"""Whole seconds: older Android's `sleep` knows no others."""

_TEMPLATE = """\
exec 3<&0
cd {workdir} || {{ echo '{mark}:1' >&2; exit 1; }}
setsid {command} </dev/null 3<&- &
p=$!
{{ read x <&3; kill -9 -$p $p; }} >/dev/null 2>&1 &
w=$!
{{ trap '' PIPE; n={signs}
while [ $n -gt 0 ] && echo '{mark}:alive' >&2; do n=$((n-1)); sleep {sign_s} >/dev/null 2>&1; done
kill -9 -$p $p >/dev/null 2>&1; }} 3<&- &
h=$!
wait $p
c=$?
kill -9 $w $h -$p >/dev/null 2>&1
wait $h >/dev/null 2>&1
echo >&2
echo "{mark}:$c" >&2
exit $c
"""

_HOLD_TEMPLATE = """\
trap '' HUP INT TERM PIPE
echo "{mark}:0" >&2
read x
{command} >/dev/null 2>&1 </dev/null
"""


def new_mark() -> str:
    """A word that does not occur in what a command prints."""
    return f"@bench-{secrets.token_hex(8)}"


def guarded(argv: Sequence[str], workdir: str, env: Mapping[str, str], limit_s: int, mark: str) -> str:
    """The script that runs `argv` in `workdir`, every word of it quoted, for `limit_s` seconds at most."""
    words = [*(["env", *(f"{name}={value}" for name, value in env.items())] if env else []), *argv]
    return _TEMPLATE.format(
        workdir=shlex.quote(workdir),
        signs=math.ceil(limit_s / SIGN_OF_LIFE_S),
        command=shlex.join(words),
        mark=mark,
        sign_s=SIGN_OF_LIFE_S,
    )


def held(argv: Sequence[str], mark: str) -> str:
    """The script that says it is there, and runs `argv` at the end of its input, whoever ended it."""
    return _HOLD_TEMPLATE.format(command=shlex.join(argv), mark=mark)


class MarkedLines:
    """Takes our own lines out of a stderr stream: the exit code and the signs of life."""

    def __init__(self, mark: str) -> None:
        self.exit_code: int | None = None
        self._pattern = re.compile(rb"\n?" + re.escape(mark.encode()) + rb":(alive|\d{1,3})\n")
        self._mark = mark.encode()
        self._pending = b""

    def feed(self, chunk: bytes) -> bytes:
        """What of `chunk` belongs to the command. A piece that may be the beginning of a mark is kept back."""
        data = self._pending + chunk
        kept = bytearray()
        position = 0
        for found in self._pattern.finditer(data):
            text = data[position : found.start()]
            # A sign of life may fall into the middle of a line; the line break before it is then not ours.
            kept += text
            if found.group(1) != b"alive":
                self.exit_code = int(found.group(1))
            elif found.group(0).startswith(b"\n") and text:
                kept += b"\n"
            position = found.end()
        rest = data[position:]
        begins = rest.rfind(b"\n@") if b"\n@" in rest else rest.rfind(b"@")
        longest = len(self._mark) + len(b"\n:alive\n")
        if begins < 0 and rest.endswith(b"\n"):
            begins = len(rest) - 1
        if begins >= 0 and len(rest) - begins < longest:
            self._pending = bytes(rest[begins:])
            kept += rest[:begins]
        else:
            self._pending = b""
            kept += rest
        return bytes(kept)

    def end(self) -> bytes:
        """What was kept back."""
        rest, self._pending = self._pending, b""
        return rest
