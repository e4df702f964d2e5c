"""The connection of a campaign to its scheduler: the one place that knows Dask's client.

Three things of a campaign fail apart: the work (a host's answer says so, host_answer.py), the connection (errors of
this file), and the store (StoreError). A connection that is lost is made anew by the next who needs it; what was asked
for over the lost one has to be asked for again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from latency_bench.devices.errors import UnreachableError
from latency_bench.harness.campaign.cluster_settings import ClusterSettings
from latency_bench.harness.campaign.host import QUIET
from latency_bench.harness.campaign.inert_pickle import make_dask_inert
from latency_bench.harness.campaign.scheduler_check import scheduler_trouble

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_S = 30.0

OnEvent = Callable[[Any], None]


class StoppedError(RuntimeError):
    """The campaign is being left; nobody waits for this any more."""


class HostsDiedError(RuntimeError):
    """Dask gave a task up, because each host that tried it died."""

    kind = "hosts-died"


class Connection:
    """Several threads ask at once; each waits for its own answer."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._topics: dict[str, OnEvent] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._waiting: set[threading.Event] = set()
        self._client: Client | None = None

    def client(self) -> Client:
        """Dask's client, connected again where it was lost. Raises UnreachableError, StoppedError."""
        with self._lock:
            if self._stopped.is_set():
                raise StoppedError
            if self._client is None or self._client.status != "running":
                self._close()
                self._client = self._connected()
                for topic, on_event in self._topics.items():
                    self._client.subscribe_topic(topic, _handler(on_event))
            return self._client

    def subscribe(self, topic: str, on_event: OnEvent) -> None:
        """Have every event of a topic that hosts tell, also over a connection that is made later."""
        client = self.client()
        with self._lock:
            self._topics[topic] = on_event
            client.subscribe_topic(topic, _handler(on_event))

    def unsubscribe(self, topic: str) -> None:
        with self._lock, contextlib.suppress(Exception):
            self._topics.pop(topic, None)
            if self._client is not None:
                self._client.unsubscribe_topic(topic)

    def answer(self, future: Future[Any]) -> Any:
        """What a task came to, however long that takes: a host that has the device may have to come back first.

        Nothing is fetched before it is there, and no fetch is ever cut short: Dask shares one fetch among all who wait,
        so that whoever cancels his own cancels those of the others. Raises UnreachableError where the connection is
        lost, HostsDiedError, StoppedError.
        """
        from distributed import CancelledError, KilledWorker

        fetch = asyncio.run_coroutine_threadsafe(_fetched(future), future.client.loop.asyncio_loop)
        self._await(fetch)
        try:
            return fetch.result()
        except KilledWorker as error:
            raise HostsDiedError(f"every host that tried it died: {str(error).splitlines()[0][:300]}") from None
        except (CancelledError, asyncio.CancelledError, concurrent.futures.CancelledError, OSError):
            if self._stopped.is_set():
                raise StoppedError from None
            raise UnreachableError(
                f"the connection to the scheduler {self._settings.address} was lost", "is it still running there?"
            ) from None
        except Exception as error:
            # Of the work, a host says itself what went wrong: this is Dask's, or of a host that is none of ours.
            raise UnreachableError(f"the cluster gave no result ({type(error).__name__}: {error})"[:300]) from None

    def stop(self) -> None:
        """Whoever waits for an answer gives up."""
        self._stopped.set()
        for waiting in tuple(self._waiting):
            waiting.set()

    def sleep(self, seconds: float) -> None:
        """Raises StoppedError."""
        if self._stopped.wait(seconds):
            raise StoppedError

    def close(self) -> None:
        self.stop()
        with self._lock:
            self._close()

    def _await(self, fetch: concurrent.futures.Future[Any]) -> None:
        over = threading.Event()
        self._waiting.add(over)
        try:
            fetch.add_done_callback(lambda _: over.set())
            if self._stopped.is_set():
                raise StoppedError
            over.wait()
        finally:
            self._waiting.discard(over)
        if not fetch.done():
            raise StoppedError

    def _connected(self) -> Client:
        import dask

        dask.config.set(QUIET)
        from distributed import Client

        make_dask_inert()

        settings = self._settings
        try:
            return Client(settings.address, security=settings.security(), timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError) as error:
            trouble = scheduler_trouble(settings) or " ".join(str(error).split())
            raise UnreachableError(f"the scheduler {settings.address} cannot be joined: {trouble}") from None

    def _close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.close(timeout=5)
            self._client = None


async def _fetched(future: Future[Any]) -> Any:
    return await future.client.gather(future, asynchronous=True)


def _handler(on_event: OnEvent) -> Callable[[tuple[Any, Any]], None]:
    return lambda event: on_event(event[1])
