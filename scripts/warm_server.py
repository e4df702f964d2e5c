"""The server of warm_python.py: `python warm_server.py SOCKET FUNCTION MODULE...`.

It listens at once, imports at the first request, and forks for every one. It ends when its stdin does.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import runpy
import select
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

_CLONE_NEWNET = 0x40000000


def serve(path: str, prepare: str, modules: Sequence[str]) -> None:
    """Returns in the processes that are asked for, and never in the server's own."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print(flush=True)
    is_prepared = False
    while listener in select.select([listener, 0], [], [])[0]:
        connection, _ = listener.accept()
        if not is_prepared:
            _import(prepare, modules)
            is_prepared = True
        if os.fork() == 0:
            listener.close()
            _keep(connection)
            return
        connection.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    os._exit(0)


def _import(prepare: str, modules: Sequence[str]) -> None:
    for name in modules:
        # What is not installed is not asked for either, or is missed by whoever does.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if prepare:
        module, function, *words = prepare.split(":")
        getattr(importlib.import_module(module), function)(*words)
    # What is here stays: a collection in a fork would touch, and so copy, every page.
    gc.collect()
    gc.freeze()


def _keep(connection: socket.socket) -> None:
    """Fork the process that is asked for, tell its id and then its exit code. Only that process returns."""
    text, streams, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as file:
        request = json.loads(file.read(int(text)))
    if (child := os.fork()) == 0:
        connection.close()
        _become(request, streams)
        return
    for stream in streams:
        os.close(stream)
    connection.sendall(b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    # Whoever asked may be gone by now.
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(request: dict[str, Any], streams: Sequence[int]) -> None:
    """Make this process the one that was asked for: everything that a child inherits is the caller's."""
    if request["new_session"]:
        os.setsid()
    _enter_network(request["network"])
    for number, limits in request["limits"].items():
        resource.setrlimit(int(number), tuple(limits))
    os.sched_setaffinity(0, request["cpus"])
    os.umask(request["umask"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # Anew: the server's know whether they could seek, and how they were buffered.
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding=sys.stdin.encoding, closefd=False)
    buffering = 1 if os.isatty(1) else -1
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", buffering, encoding=sys.stdout.encoding, closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, sys.stderr.encoding, "backslashreplace", closefd=False)
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [os.getcwd(), *(entry for entry in own if entry and entry not in sys.path)]
    importlib.invalidate_caches()
    sys.argv = [request["module"], *request["words"]]


def _enter_network(namespace: str) -> None:
    """The caller's: tests of Android work in one of their own."""
    if not namespace or os.readlink(namespace) == os.readlink("/proc/self/ns/net"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    with open(namespace) as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot enter the network namespace of the caller")


def main() -> None:
    path, prepare, *modules = sys.argv[1:]
    serve(path, prepare, modules)
    # Here is the forked process.
    module = sys.argv[0]
    if not hasattr(sys.modules.get(module), "__path__"):
        # One that was imported is run all the same, as `-m` does.
        sys.modules.pop(module, None)
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:
        traceback.print_exc()
        code = 1
    _end(code)


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _end(code: int) -> NoReturn:
    """As an interpreter ends, but that it takes nothing apart: that, too, would copy every page."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
