"""What `bench accuracy` adds to the inference itself: a whole evaluation against the same file over the same values.

    python benchmarks/accuracy_overhead.py --model b0-cls-r224 --images 2000

Images are the worker's natural images as JPEG files of 320x256 pixels, each with a drawn label. The bare loop feeds
values that were prepared before to ONNX Runtime on one thread, which is the least that these images can cost; the
evaluation is all that `bench accuracy` does: decoding, resizing, normalising, files to the worker, inference, scoring.
Two more say where the rest goes: the bare loop while another process prepares an image for each request on the other
cores, which is what sharing caches, memory and perhaps a core with it costs, and an evaluation of one image, which is
what is spent once. All run in turn, --repeats times; medians are shown. The export is made before.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.synchronize import Semaphore
from pathlib import Path

import numpy as np
from PIL import Image

from bench_worker.natural_images import natural_image
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.accuracy.data_sets import open_data_set
from latency_bench.harness.accuracy.evaluation import evaluate
from latency_bench.harness.accuracy.preparing import image_values
from latency_bench.harness.accuracy.samples import DataSet
from latency_bench.harness.accuracy.stated import Statement
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.accuracy.subject_of_case import subject_of
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import case_of, options_of
from latency_bench.harness.export import Artifact, export_artifact
from latency_bench.model_specs.spec import ModelSpec

HEIGHT, WIDTH = 256, 320
CLASSES = 1000


def write_images(folder: Path, count: int) -> Path:
    """`count` JPEG files, and a CSV with a drawn class for each."""
    random = np.random.RandomState(0)
    lines = ["file,label"]
    for number in range(count):
        light = natural_image(3, HEIGHT, WIDTH, random).transpose(1, 2, 0)
        Image.fromarray((light * 255).round().astype(np.uint8)).save(folder / f"{number:05}.jpg", quality=90)
        lines.append(f"{number:05}.jpg,{random.randint(CLASSES)}")
    labels = folder / "labels.csv"
    labels.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return labels


def bare_s(artifact: Artifact, values: list[np.ndarray], before_each: Callable[[], None] = lambda: None) -> float:
    """Seconds that ONNX Runtime needs for all of these values on the last core, after one that is not counted."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(artifact.path), options, providers=["CPUExecutionProvider"])
    (name,) = (tensor.name for tensor in session.get_inputs())
    session.run(None, {name: values[0]})
    with _on({max(os.sched_getaffinity(0))}):
        start_s = time.perf_counter()
        for one in values:
            before_each()
            session.run(None, {name: one})
        return time.perf_counter() - start_s


@contextmanager
def _on(cpus: set[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def beside_preparing_s(artifact: Artifact, values: list[np.ndarray], data: DataSet, subject: Subject) -> float:
    """The same, while a process on the other cores prepares an image for each of them."""
    context = multiprocessing.get_context("fork")
    wanted = context.Semaphore(0)
    child = context.Process(target=_prepare, args=(wanted, data, subject), daemon=True)
    child.start()
    try:
        return bare_s(artifact, values, wanted.release)
    finally:
        child.kill()
        child.join()


def _prepare(wanted: Semaphore, data: DataSet, subject: Subject) -> None:
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus - {max(cpus)} or cpus)
    for sample in data.samples:
        wanted.acquire()
        image_values(sample.image, subject.spec.inputs[0], subject.how)


def evaluation_s(case: Case, subject: Subject, data: DataSet, kept: Path) -> float:
    """Seconds of a whole evaluation, of which nothing was kept."""
    start_s = time.perf_counter()
    evaluate(case, subject, data, kept, "accuracy overhead", lambda _: None)
    return time.perf_counter() - start_s


def main() -> None:
    """Print both times, and how many times the bare one the evaluation takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="b0-cls-r224")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()

    case = case_of(options_of({"model": asked.model, "runtime": "onnxruntime", "threads": 1}), single=True)
    assert isinstance(case.spec, ModelSpec)
    subject = subject_of(case, Statement())
    with TemporaryFolder("accuracy-overhead") as folder:
        images = folder / "images"
        images.mkdir()
        data = open_data_set(images, case.spec, labels=write_images(images, asked.images))
        artifact = export_artifact(case.spec, "onnx", case.export_options())
        values = [image_values(sample.image, case.spec.inputs[0], subject.how) for sample in data.samples]
        one_image = replace(data, samples=data.samples[:1])
        rows = [
            (
                bare_s(artifact, values),
                beside_preparing_s(artifact, values, data, subject),
                evaluation_s(case, subject, one_image, folder / f"one-{number}"),
                evaluation_s(case, subject, data, folder / f"kept-{number}"),
            )
            for number in range(asked.repeats)
        ]
    bare, beside, once, whole = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{asked.images} images, {asked.model}: inference {bare:.2f} s, beside preparing {beside:.2f} s")
    print(f"`bench accuracy` {whole:.2f} s, of one image {once:.2f} s")
    for words, column in (("the inference", 0), ("the inference beside preparing", 1)):
        ratios = sorted(row[3] / row[column] for row in rows)
        print(f"{statistics.median(ratios):.2f} times {words} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
