"""What precision a protocol gets for its time: until the interval is narrow enough, against fixed numbers of requests.

    python benchmarks/time_to_precision.py
    python benchmarks/time_to_precision.py --model b1-cls-r224 --repeats 9

Each protocol is run several times in fresh processes, all of them interleaved in random order. Given are the median
time that sampling took (warm-up not counted), the median width of the interval of the median, and how far the medians
of the repeats really lay apart: the last is what a reader of a single number is exposed to.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from latency_bench.devices.inventory import find_device
from latency_bench.devices.opening import open_device
from latency_bench.devices.runners.base import RoundResult
from latency_bench.harness.case import Case, choose_cpus
from latency_bench.harness.export import export_artifact
from latency_bench.harness.ordering import interleaved
from latency_bench.harness.protocol import Protocol, Sampling, load_protocol
from latency_bench.harness.statistics.intervals import process_interval
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class Outcome:
    seconds: float
    count: int
    median_ms: float
    relative_width: float | None


def fixed(name: str, count: int, min_s: float = 0.0) -> Protocol:
    """A protocol that takes `count` requests, and goes on for `min_s`, after the warm-up of `standard`."""
    standard = load_protocol("standard")
    most = 1_000_000 if min_s else count
    sampling = Sampling(min_count=count, max_count=most, min_s=min_s, max_s=600, relative_interval=None)
    return standard.model_copy(update={"name": name, "sampling": sampling})


def outcome(result: RoundResult) -> Outcome:
    latency_ms = result.samples.latency_ns / 1e6
    estimate = process_interval(latency_ms)
    width = None if estimate.relative_half_width is None else 2 * estimate.relative_half_width
    return Outcome(result.done["elapsed_ns"] / 1e9, len(latency_ms), estimate.median, width)


def measure(spec: ModelSpec, repeats: int) -> dict[str, list[Outcome]]:
    protocols = [load_protocol("standard"), fixed("100 requests", 100), fixed("50 requests, at least 1 s", 50, 1.0)]
    device = find_device("local")
    outcomes: dict[str, list[Outcome]] = {protocol.name: [] for protocol in protocols}
    with open_device(device) as session, tempfile.TemporaryDirectory() as folder:
        cases = [Case(spec, device, protocol, device.runtime, repeats, threads=1) for protocol in protocols]
        cpus = choose_cpus(cases[0], session)
        artifact = export_artifact(spec, cases[0].declared.FORMAT)
        deployment = session.deploy(artifact.path, artifact.sha256)
        for index, _ in interleaved([repeats] * len(cases), seed=0):
            request = cases[index].round_request(artifact, cpus)
            result = session.measure(deployment, request, Path(folder) / "outputs.npz", lambda _: None)
            outcomes[protocols[index].name].append(outcome(result))
    return outcomes


@click.command()
@click.option("--model", "models", multiple=True, default=["b1-cls-r224", "b1-seg@512x1024"], show_default=True)
@click.option("--repeats", default=9, show_default=True)
def main(models: tuple[str, ...], repeats: int) -> None:
    print("| model | protocol | sampling, s | requests | interval / median | spread of the repeats' medians |")
    print("|---|---|---:|---:|---:|---:|")
    for text in models:
        name, _, size = text.partition("@")
        spec = load_spec(name)
        if size:
            height, width = size.split("x")
            spec = spec.at((int(height), int(width)))
        for protocol, found in measure(spec, repeats).items():
            medians = [one.median_ms for one in found]
            widths = [one.relative_width for one in found if one.relative_width is not None]
            spread = (max(medians) - min(medians)) / float(np.median(medians))
            interval = f"{np.median(widths):.2%}" if widths else "-"
            print(
                f"| {text} | {protocol} | {np.median([one.seconds for one in found]):.1f} "
                f"| {np.median([one.count for one in found]):.0f} | {interval} | {spread:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
