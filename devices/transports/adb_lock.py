"""The lock of an Android device: held by a shell on it, for as long as its input stays open."""

from __future__ import annotations

import queue
import shlex
import time

from latency_bench.devices.locking import DeviceBusyError, Holder, lock_lost, lock_unusable
from latency_bench.devices.transports.adb_link import STDOUT, AdbLink, gone
from latency_bench.devices.transports.adb_script import new_mark
from latency_bench.devices.transports.lock_script import LEASE_BEAT_S, LEASE_PATIENCE_S, LOCK_FUNCTIONS

LOCKS_FOLDER_ANDROID = "/data/local/tmp/bench-locks"
"""Every host is the same user there, and there is no /tmp."""
_ANSWER_S = LEASE_PATIENCE_S + 30.0

# The sign of life is for the daemon: a link that broke in silence is noticed, and closed, by writing to it.
_TEMPLATE = """\
{functions}
trap '' HUP INT TERM PIPE
exec 3<&0
lock_device {folder} {holder} {mark}
[ "$lock" = busy ] && {{ read -r line <"$lockfile"; printf '%s\\n' "$line"; }}
echo "{mark} $lock"
[ "$lock" = held ] || exit 0
{{ while [ "$lock" = held ] && echo "{mark} alive"; do beat_lease; sleep {beat_s}; done; }} </dev/null 3<&- 9<&- &
h=$!
read x <&3
kill -9 $h
free_lease
"""


class AdbLock:
    """Held from construction to `release`, to the end of the link, or of this process."""

    def __init__(self, link: AdbLink, holder: Holder) -> None:
        """Raises DeviceBusyError, DeviceError, UnreachableError."""
        self._link = link
        self._mark = new_mark()
        script = _TEMPLATE.format(
            functions=LOCK_FUNCTIONS,
            folder=LOCKS_FOLDER_ANDROID,
            holder=shlex.quote(holder.line()),
            mark=self._mark,
            beat_s=LEASE_BEAT_S,
        )
        self._stream = link.start(script)
        self._said = ""
        self._alive_s = time.monotonic()
        try:
            word = self._answer()
            if word == "busy":
                raise DeviceBusyError(link.description, Holder.parse(self._said.strip()))
            if word != "held":
                raise lock_unusable(link.description)
        except BaseException:
            self.release()
            raise

    def check(self) -> None:
        """Raises DeviceError where the shell on the device does not hold it any more."""
        ended = False
        while not self._stream.chunks.empty():
            chunk = self._stream.chunks.get_nowait()
            ended = ended or chunk is None or isinstance(chunk, Exception)
            self._alive_s = time.monotonic()
        if ended or time.monotonic() - self._alive_s > LEASE_PATIENCE_S:
            raise lock_lost(self._link.description)

    def release(self) -> None:
        self._stream.stop()

    def _answer(self) -> str:
        """The first word of ours; what came before it is in `_said`."""
        deadline_s = time.monotonic() + _ANSWER_S
        text = b""
        while True:
            try:
                chunk = self._stream.chunks.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise gone(self._link.description, f"it did not answer within {_ANSWER_S:.0f} s") from None
            if isinstance(chunk, Exception):
                raise chunk
            if chunk is None:
                raise gone(self._link.description, "the link broke")
            if chunk[0] == STDOUT:
                text += chunk[1]
            before, mark, after = text.decode("ascii", "replace").replace("\r\n", "\n").partition(f"{self._mark} ")
            if mark and "\n" in after:
                self._said = before
                return after.split("\n", 1)[0]
