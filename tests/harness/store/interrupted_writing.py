"""Write one run again and again, each time stopped at the next of its file operations.

Run as a program: STORE_PARENT kill|interrupt. Leaves one store a stop, STORE_PARENT/<number>, and prints their count.
The last store is the one whose writing was not stopped any more.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

import pyarrow.parquet  # noqa: F401  (imported before the forks, so that each of them is quick)

from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.writer import RunWriter

FILE_OPERATIONS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.scandir", "os.listdir"}


def _examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples", Path(__file__).parents[1] / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stop_at(number: int, store: Path, action: str) -> None:
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event not in FILE_OPERATIONS or str(store) not in str(arguments[0]):
            return
        count += 1
        if count == number:
            if action == "interrupt":
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> None:
    parent, action = Path(sys.argv[1]), sys.argv[2]
    examples = _examples()
    blocks = examples.example_blocks()
    record = RunRecord(**examples.example_content(blocks))
    number = 0
    while True:
        number += 1
        store = parent / str(number)
        child = os.fork()
        if not child:
            try:
                _stop_at(number, store, action)
                with RunWriter(store, "local", "b1-seg", record.run_id) as writer:
                    writer.add_evidence("worker.log", "loaded\n")
                    writer.write_samples(blocks)
                    writer.commit(record)
            except BaseException:
                os._exit(3)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
    print(number)


if __name__ == "__main__":
    main()
