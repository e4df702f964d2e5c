"""Times by operator from PyTorch's profiler."""

from typing import Any, Callable, List

from ..runtime.base import LayerTime


def profile_operators(torch: Any, request: Callable[[], Any], count: int, on_gpu: bool) -> List[LayerTime]:
    """Self time, so that nothing counts twice: of the GPU's kernels, or of the processor's operators."""
    kinds = torch.profiler.ProfilerActivity
    activities = [kinds.CPU, kinds.CUDA] if on_gpu else [kinds.CPU]
    with torch.profiler.profile(activities=activities) as profiler:
        for _ in range(count):
            request()
    layers = []
    for one in profiler.key_averages():
        microseconds = _self_device_us(one) if on_gpu else one.self_cpu_time_total
        if microseconds > 0:
            name = str(one.key)
            layers.append(LayerTime(name, name, int(one.count), int(microseconds * 1000)))
    return sorted(layers, key=lambda layer: -layer.total_ns)


def _self_device_us(one: Any) -> float:
    # Renamed in PyTorch 2.4.
    value = getattr(one, "self_device_time_total", None)
    return float(one.self_cuda_time_total if value is None else value)
