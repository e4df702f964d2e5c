"""The contract of the memory seam, as a program over a real library and the stand-in driver: `memory_contract.py NAME`.

Prints one JSON object: the facts, and what was alive of each kind at the moments that count. Python 3.6 runs it too.
"""

import ctypes
import gc
import json
import sys

import numpy as np

from bench_worker.memory import open_memory

KINDS = ("device", "host", "stream", "event", "graph", "executable", "context", "misuse")
SHAPES = (((3, 5, 7), "float32"), ((1,), "uint8"), ((2, 1025), "float16"))


def alive(driver):
    gc.collect()
    return {kind: driver.stand_in_count(kind.encode()) for kind in KINDS if driver.stand_in_count(kind.encode())}


def copies_are_right(memory, pinned):
    for shape, dtype in SHAPES:
        stream = memory.stream()
        source, target = memory.host_buffer(shape, dtype, pinned), memory.host_buffer(shape, dtype, pinned)
        assert not target.array.any(), "a host buffer is zeros"
        source.array[...] = (np.random.RandomState(0).standard_normal(shape) * 50).astype(dtype)
        room = memory.device_buffer(source)
        memory.copy_in(room, source, stream)
        memory.copy_out(target, room, stream)
        done = memory.event(False)
        memory.record(done, stream)
        memory.wait(done)
        assert target.array.tobytes() == source.array.tobytes()


def events_tell_time(memory):
    stream = memory.stream()
    events = [memory.event(spin) for spin in (True, False, True)]
    for event in events:
        memory.record(event, stream)
    memory.wait(events[-1])
    first, second = memory.elapsed_ns(*events[:2]), memory.elapsed_ns(*events[1:])
    assert first >= 0
    assert second >= 0
    assert abs(memory.elapsed_ns(events[0], events[2]) - first - second) < 2000


def a_graph_does_it_again(memory):
    stream = memory.stream()
    source, target = memory.host_buffer((4,), "float32", True), memory.host_buffer((4,), "float32", True)
    room = memory.device_buffer(source)
    memory.begin_capture(stream)
    memory.copy_in(room, source, stream)
    graph = memory.end_capture(stream)
    source.array[...] = 5
    memory.launch(graph, stream)
    memory.copy_out(target, room, stream)
    assert (target.array == 5).all()


def main(name):
    driver = ctypes.CDLL("libcuda.so.1")
    memory = open_memory(name, 0)
    report = {"facts": memory.facts(), "opened": alive(driver)}
    for pinned in (True, False):
        copies_are_right(memory, pinned)
    events_tell_time(memory)
    if memory.HAS_GRAPHS:
        a_graph_does_it_again(memory)
    report["dropped"] = alive(driver)
    array = memory.host_buffer((1000,), "float32", True).array
    gc.collect()
    array[...] = 7
    assert (array == 7).all(), "an array outlives its buffer"
    del array
    host = memory.host_buffer((1000,), "float32", True)
    kept = [memory.device_buffer(host), memory.stream(), memory.event(False)]
    report["kept"] = alive(driver)
    memory.close()
    report["closed"] = alive(driver)
    del kept, host
    report["after"] = alive(driver)
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
