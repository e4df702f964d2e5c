"""One measurement from start to end: load, first request, warm-up, sampling, what it cost."""

import os
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional

from . import outputs as saved_outputs
from .batches import answer_batches, feeding
from .clock import Clock, measure_resolution_ns
from .commands import await_warm_up, obey
from .events import EventStream
from .failure import RUNTIME_FAILED, WorkerError, one_line, out_of_memory
from .files import file_sha256
from .inputs import generate, in_artifact_layout
from .job import CheckJob, InputTensor, Job, SamplingBounds
from .loop import Progress, StageEnd, garbage_collector_paused, recent_median, run_stage
from .overhead import LoopOverhead, measure_loop_overhead
from .pipeline.libraries import LIBRARIES
from .pipeline.pipeline_job import parse_pipeline
from .pipeline.pipelined_request import PipelinedRequest
from .request_times import RequestTimes, Samples
from .runtime.base import Runtime
from .runtimes import create_runtime
from .steady import STEADY, WarmupEnd
from .stopping import SamplingEnd, median_interval
from .throughput import measure_throughput
from .usage import peak_rss_bytes, read_usage


def measure(job: Job, events: EventStream, clock: Clock, origin_ns: int) -> None:
    """Everything between `hello` and the end of the process. Raises WorkerError."""
    peaks: Dict[str, int] = {}
    loaded = _load(job, events, clock, peaks)
    runtime = loaded.runtime
    warmup = Samples(origin_ns, job.warmup.max_count + 1)
    sampling = Samples(origin_ns, job.sampling.max_count)

    first_outputs = _first_request(job, loaded, warmup, events)
    if job.on_command:
        await_warm_up()
    timed = _time(job, loaded.request, warmup, sampling, events, clock)
    peaks["end"] = peak_rss_bytes()

    for stage, samples in (("warmup", warmup), ("sampling", sampling)):
        for fields in samples.events(stage):
            events.emit("samples", **fields)
    done: Dict[str, Any] = {
        "steady": _steady(job, timed.warmup),
        "warmup": _stage(timed.warmup),
        "samples_sha256": {"warmup": warmup.sha256(), "sampling": sampling.sha256()},
        "peak_rss_bytes": peaks,
        "timer_resolution_ns": timed.timer_resolution_ns,
        "loop_overhead_ns": timed.overhead.in_sample_ns,
        "loop_gap_ns": timed.overhead.between_samples_ns,
        "usage": timed.usage,
        "output_drift": saved_outputs.drift(first_outputs, _last_outputs(loaded), job.write_outputs),
    }
    if job.throughput is not None:
        done["throughput"] = _throughput(job, runtime, clock)
    if job.profile is not None:
        done["profile"] = _profile(job.profile, runtime)
    if job.find_non_finite:
        done["non_finite"] = _non_finite(runtime)
    if job.checks:
        order = [tensor.name for tensor in loaded.inputs]
        done["checks"] = [_check(check, runtime, order) for check in job.checks]
    if job.batches is not None:
        _answer_batches(job.batches, loaded, events)
    done.update(_stage(timed.sampling))
    done.update(_median(sampling, job.sampling))
    runtime.close()
    events.emit("done", **done)


def _steady(job: Job, warmup: StageEnd) -> Optional[bool]:
    """None where it was not asked, and where the warm-up was over before it had two windows to compare."""
    window = job.warmup.window
    return warmup.stopped_by == STEADY if window and warmup.sample_count >= 2 * window else None


class _Timed(NamedTuple):
    warmup: StageEnd
    sampling: StageEnd
    usage: Dict[str, int]
    timer_resolution_ns: int
    overhead: LoopOverhead


class _Loaded(NamedTuple):
    """The runtime, loaded and fed with `inputs`, which are in the artifact's order."""

    runtime: Runtime
    inputs: List[InputTensor]
    pipeline: Optional[PipelinedRequest]

    @property
    def request(self) -> Callable[[], RequestTimes]:
        """What is timed."""
        return self.runtime.request if self.pipeline is None else self.pipeline


def _load(job: Job, events: EventStream, clock: Clock, peaks: Dict[str, int]) -> _Loaded:
    # A library that is missing is told before minutes of loading.
    asked = parse_pipeline(job.pipeline, job.folder)
    library = None if asked is None else LIBRARIES[asked.library]()
    started_ns = clock()
    runtime = create_runtime(job.runtime, job.runtime_options, clock, job.runtime_class)
    imported_ns = clock()
    peaks["before_load"] = peak_rss_bytes()
    artifact = _hashes(job)
    loading_ns = clock()
    inputs = runtime.load(job.artifact, job.inputs)
    loaded_ns = clock()
    peaks["after_load"] = peak_rss_bytes()
    fed = _feed(runtime, inputs)
    facts = runtime.facts()
    facts["inputs"] = [dict(tensor, sha256=sha256) for tensor, sha256 in zip(facts["inputs"], fed)]
    pipeline = None
    if asked is not None and library is not None:
        pipeline = PipelinedRequest(asked, library, runtime, inputs, clock)
        facts["pipeline"] = pipeline.facts()
    times = {"import_ns": imported_ns - started_ns, "load_ns": loaded_ns - loading_ns}
    events.emit("loaded", artifact=artifact, **times, **facts)
    return _Loaded(runtime, inputs, pipeline)


def _hashes(job: Job) -> Optional[Dict[str, Any]]:
    """Of what is about to be loaded, so that the host can tell whether it is what it sent; None where it cannot be
    read, which the runtime has its own words for."""
    folder = os.path.dirname(job.artifact)
    try:
        beside = {name: file_sha256(os.path.join(folder, name)) for name in job.external_data}
        return {"sha256": file_sha256(job.artifact), "external_sha256": beside}
    except OSError:
        return None


def _feed(runtime: Runtime, inputs: List[InputTensor]) -> List[str]:
    """Generate the inputs and hand them over; the SHA-256 of the values of each."""
    arrays = [in_artifact_layout(generate(tensor), tensor.layout) for tensor in inputs]
    described = saved_outputs.describe({str(position): array for position, array in enumerate(arrays)})
    try:
        runtime.set_inputs(arrays)
    except Exception as error:
        raise _request_failed(error, "when it was given its inputs")
    return [values["sha256"] for values in described]


def _first_request(job: Job, loaded: _Loaded, warmup: Samples, events: EventStream) -> List[Dict[str, Any]]:
    """The cold request: the first sample of the warm-up, and the outputs that are checked and saved."""
    try:
        warmup.append(loaded.request())
        arrays = _last_outputs(loaded)
    except Exception as error:
        raise _request_failed(error, "in the first request")
    tensors = saved_outputs.describe(arrays)
    saved = {}
    if job.write_outputs is not None:
        saved = {"path": job.write_outputs, "sha256": saved_outputs.save(job.write_outputs, arrays)}
    events.emit("outputs", tensors=tensors, **saved)
    return tensors


def _last_outputs(loaded: _Loaded) -> Mapping[str, Any]:
    """For the inputs that the host knows the outputs of. A pipeline computes them once more, since its requests have
    photographs for inputs."""
    return loaded.runtime.outputs() if loaded.pipeline is None else loaded.pipeline.run_as_given()


def _time(
    job: Job, request: Callable[[], RequestTimes], warmup: Samples, sampling: Samples, events: EventStream, clock: Clock
) -> _Timed:
    try:
        with garbage_collector_paused():
            resolution_ns = measure_resolution_ns(clock)
            overhead = measure_loop_overhead(clock)
            warmup_rule, sampling_rule = WarmupEnd(job.warmup).reason, SamplingEnd(job.sampling).reason
            warmup_end = run_stage(request, warmup, warmup_rule, _progress(events, "warmup"), clock)
            before = read_usage()
            if job.on_command:
                most, latency_ns = job.sampling.max_count, recent_median(warmup)
                sampling_end = obey(request, sampling, most, latency_ns, events, clock)
            else:
                sampling_end = run_stage(request, sampling, sampling_rule, _progress(events, "sampling"), clock)
            used = read_usage().since(before)
    except Exception as error:
        raise _request_failed(error, "after %d requests" % (warmup.count + sampling.count))
    return _Timed(warmup_end, sampling_end, used, resolution_ns, overhead)


def _throughput(job: Job, runtime: Runtime, clock: Clock) -> Dict[str, Any]:
    assert job.throughput is not None
    try:
        with garbage_collector_paused():
            lanes = runtime.lanes(job.throughput.streams)
            images = job.throughput.images or job.inputs[0].shape[0]
            return measure_throughput(lanes, images, job.throughput, clock)
    except Exception as error:
        raise _request_failed(error, "while its throughput was measured")


def _profile(count: int, runtime: Runtime) -> Dict[str, Any]:
    try:
        return {"requests": count, "layers": [layer.to_json() for layer in runtime.profile(count)]}
    except Exception as error:
        raise _request_failed(error, "while it was profiled")


def _non_finite(runtime: Runtime) -> Dict[str, Any]:
    """Empty where every layer's output is finite."""
    try:
        found = runtime.first_non_finite()
    except Exception as error:
        raise _request_failed(error, "while the outputs of its layers were looked at")
    return {} if found is None else found.to_json()


def _check(check: CheckJob, runtime: Runtime, order: List[str]) -> Dict[str, Any]:
    """One request with other inputs; nothing is timed any more."""
    by_name = {tensor.name: tensor for tensor in check.inputs}
    arrays = (in_artifact_layout(generate(by_name[name]), by_name[name].layout) for name in order)
    outputs = _computed(runtime, runtime.set_inputs, arrays)
    return {"path": check.write_outputs, "sha256": saved_outputs.save(check.write_outputs, outputs)}


def _answer_batches(place: str, loaded: _Loaded, events: EventStream) -> None:
    feed = feeding(loaded.runtime)
    order = [tensor.name for tensor in loaded.inputs]
    answer_batches(place, order, lambda arrays: _computed(loaded.runtime, feed, arrays), events)


def _computed(runtime: Runtime, feed: Callable[[List[Any]], None], arrays: Iterable[Any]) -> Mapping[str, Any]:
    """The outputs of one request with other inputs, `arrays` in the artifact's order and layout."""
    try:
        feed(list(arrays))
        runtime.request()
        return runtime.outputs()
    except Exception as error:
        raise _request_failed(error, "with other inputs than those that were timed")


def _stage(end: StageEnd) -> Dict[str, Any]:
    return {"stopped_by": end.stopped_by, "count": end.sample_count, "elapsed_ns": end.elapsed_ns}


def _median(sampling: Samples, bounds: SamplingBounds) -> Dict[str, Any]:
    """Median and interval of this process's samples; absent where they are too few."""
    interval = median_interval(sorted(sampling.columns()["latency_ns"]), bounds.confidence)
    return (
        {}
        if interval is None
        else {"median_ns": interval.median_ns, "interval_ns": [interval.low_ns, interval.high_ns]}
    )


def _progress(events: EventStream, stage: str) -> Progress:
    def emit(count: int, elapsed_ns: int, median_ns: int) -> None:
        events.emit("progress", stage=stage, count=count, elapsed_ns=elapsed_ns, median_ns=median_ns)

    return emit


def _request_failed(error: Exception, when: str) -> Exception:
    if isinstance(error, WorkerError):
        return error
    return out_of_memory(error, when) or WorkerError(
        RUNTIME_FAILED,
        "the runtime failed %s: %s" % (when, one_line("%s: %s" % (type(error).__name__, error))),
        "try another runtime, or check the artifact with the runtime's own tools",
    )
