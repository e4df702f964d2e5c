"""A TCP proxy with faults, in a thread of the process that uses it: for tests of what happens behind a bad link.

with FaultyProxy("127.0.0.1", 8786) as proxy:
    proxy.delay_s = 0.3          # each way
    proxy.bytes_per_s = 10_000   # each way and connection
    proxy.fault = "hang"         # or "refuse", or the status that every HTTP request is answered with: 500, 503, ...
    proxy.cut()                  # ends all connections there are
"""

from __future__ import annotations

import asyncio
import re
import threading
from types import TracebackType
from typing import Literal

_CHUNK_BYTES = 64 << 10
_REQUEST = re.compile(rb"(?:^|\r\n)(?:GET|PUT|POST|HEAD|DELETE|OPTIONS) \S+ HTTP/1\.[01]\r\n")
_PAUSE_S = 0.02

Fault = Literal["hang", "refuse"] | int | None


class FaultyProxy:
    """Use as a context manager. Faults may be changed at any time, from any thread."""

    def __init__(self, host: str, port: int) -> None:
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.fault: Fault = None
        self.requests = 0
        """HTTP requests seen so far, those that were answered with a fault too."""
        self.port = 0
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name="faulty-proxy", daemon=True)

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self) -> None:
        """End every connection there is; later ones are let through, unless `fault` says otherwise."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # Connections that are open at its end are cancelled, which asyncio would print.
        self._loop.set_exception_handler(lambda *_: None)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault == "refuse":
            writer.transport.abort()
            return
        try:
            their_reader, their_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, their_writer}
        ways = (self._pump(reader, their_writer, writer), self._pump(their_reader, writer, None))
        tasks = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in (writer, their_writer):
            self._writers.discard(end)
            end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter | None
    ) -> None:
        """`back`: the asker's end, on the way of its requests, which a fault answers instead of the server."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = asyncio.ensure_future(self._send(queue, writer))
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                asked = len(_REQUEST.findall(chunk)) if back is not None else 0
                self.requests += asked
                if back is not None and asked and isinstance(self.fault, int):
                    words = b"HTTP/1.1 %d Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % self.fault
                    back.write(words)
                    await back.drain()
                    return
                queue.put_nowait((self._loop.time() + self.delay_s, chunk))
            queue.put_nowait((self._loop.time() + self.delay_s, b""))
            await sender
        except OSError:
            return
        finally:
            sender.cancel()

    async def _send(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            due_s, chunk = await queue.get()
            await asyncio.sleep(max(0.0, due_s - self._loop.time()))
            while self.fault == "hang":
                await asyncio.sleep(_PAUSE_S)
            if not chunk:
                return
            if self.bytes_per_s is not None:
                await asyncio.sleep(len(chunk) / self.bytes_per_s)
            writer.write(chunk)
            await writer.drain()
