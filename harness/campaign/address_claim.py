"""A campaign whose store is at an address is run by one computer at a time: the claim stands at the address.

<address>/.claims/<campaign>/<number>     who holds it, and a number that the holder raises while it lives

The highest number counts. It is made by a conditional write, of which one of several at once succeeds. A claim that its
holder gave back, or that stood still for LEASE_S as the one who waits sees it, is followed by the next number; no clock
of another computer is asked. A holder that was taken for dead notices and measures no further case.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from latency_bench.harness.campaign.host_identity import this_host
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.address import Address
from latency_bench.harness.store.errors import NotAskedWarning, StoreError
from latency_bench.harness.store.layout import checked_name
from latency_bench.harness.store.mirrors import mirror_of

CLAIMS_FOLDER = ".claims"
RENEW_S = 20.0
LEASE_S = 90.0
_LOOK_S = 2.0


class _Claim(BaseModel):
    """What lies at the address; anybody may have written it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str = Field(max_length=253)
    machine: str | None = Field(default=None, max_length=64)
    pid: int
    token: str = Field(max_length=64)
    beat: int = 0
    given_back: bool = False

    @property
    def words(self) -> str:
        return f"process {self.pid} on {''.join(letter for letter in self.host if letter.isprintable())}"


@contextmanager
def claimed(store: Path, campaign: str, on_stage: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Hold the campaign at the store's address while this lasts; a store that is a folder has the journal's lock.

    Gives a function that raises StoreError once somebody else has taken the campaign over. Raises UsageError where
    another computer runs it. An address that does not answer is no reason not to measure: that is said.
    """
    mirror = mirror_of(store)
    if mirror is None:
        yield lambda: None
        return
    claim = AddressClaim(mirror.remote, campaign)
    try:
        claim.take(on_stage)
    except StoreError as error:
        words = f"{error} Whether another computer runs the campaign {campaign!r} too cannot be told."
        warnings.warn(words, NotAskedWarning, stacklevel=3)
        yield lambda: None
        return
    # What the holder before us stored has to be known before it is decided what is left.
    mirror.forget_listing()
    with claim:
        yield claim.check


class AddressClaim:
    """Use as a context manager once it is taken: renewed meanwhile, given back at the end."""

    def __init__(self, remote: Address, campaign: str) -> None:
        self._remote = remote
        self._campaign = campaign
        self._folder = f"{CLAIMS_FOLDER}/{checked_name(campaign, 'campaign')}"
        self._mine = _Claim(
            host=socket.gethostname(), machine=this_host().machine, pid=os.getpid(), token=secrets.token_hex(8)
        )
        self._number = 0
        self._taken_by: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="campaign-claim", daemon=True)

    def take(self, on_stage: Callable[[str], None]) -> None:
        """Raises UsageError where another holder lives, StoreError."""
        number, claim = self._latest()
        if claim is not None and not claim.given_back and not self._is_dead_here(claim):
            on_stage(f"{self._campaign} is claimed by {claim.words}; looking for {LEASE_S:.0f} s whether it still runs")
            self._watch(number, claim)
        self._number = number + 1
        if not self._remote.put_new(self._path(self._number), self._content(self._mine)):
            raise self._running(self._read(self._number) or self._mine)
        if self._read(self._number) != self._mine:
            # A server that knows no conditional writes: the last of several has it.
            raise self._running(self._read(self._number) or self._mine)
        for older in range(max(1, number - 3), self._number):
            self._remote.remove(self._path(older))

    def check(self) -> None:
        """Raises StoreError once somebody else has the campaign."""
        if self._taken_by is not None:
            raise StoreError(
                f"the campaign {self._campaign!r} was taken over by {self._taken_by}, because this computer could not "
                "be heard for too long. The same command goes on once that one has ended."
            )

    def __enter__(self) -> AddressClaim:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(RENEW_S)
        if self._taken_by is None:
            self._put(given_back=True)

    def _renew(self) -> None:
        beat = 0
        while not self._over.wait(RENEW_S):
            beat += 1
            try:
                number, claim = self._latest()
            except StoreError:
                continue
            if number > self._number:
                self._taken_by = claim.words if claim is not None else "somebody else"
                return
            self._put(beat=beat)

    def _put(self, **changes: Any) -> None:
        try:
            self._remote.put(self._path(self._number), self._content(self._mine.model_copy(update=changes)))
        except StoreError:
            # It stands still until the address answers again; who then has it is seen by the next look.
            return

    def _watch(self, number: int, claim: _Claim) -> None:
        """Return once it stood still for long enough. Raises UsageError as soon as it moves."""
        until_s = time.monotonic() + LEASE_S
        while time.monotonic() < until_s:
            time.sleep(min(_LOOK_S, LEASE_S / 4))
            now = self._read(number)
            if now is not None and now.given_back:
                return
            if now is not None and now != claim:
                raise self._running(now)

    def _latest(self) -> tuple[int, _Claim | None]:
        numbers = [
            int(name) for path in self._remote.files(self._folder) if (name := path.rpartition("/")[2]).isdecimal()
        ]
        number = max(numbers, default=0)
        return number, self._read(number) if number else None

    def _read(self, number: int) -> _Claim | None:
        try:
            return _Claim.model_validate(json.loads(self._remote.read(self._path(number)) or b""))
        except (ValueError, ValidationError, RecursionError):
            return None

    def _is_dead_here(self, claim: _Claim) -> bool:
        import psutil

        return claim.machine is not None and claim.machine == self._mine.machine and not psutil.pid_exists(claim.pid)

    def _running(self, claim: _Claim) -> UsageError:
        return UsageError(
            f"the campaign {self._campaign!r} is running already ({claim.words}) on {self._remote.label}; wait for it, "
            "or give another --name"
        )

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:06d}"

    @staticmethod
    def _content(claim: _Claim) -> bytes:
        return claim.model_dump_json().encode()
