"""ONNX Runtime's execution providers: which one is asked for, with which settings, and what it really took."""

from collections import OrderedDict
from typing import Any, Dict, List

from ..failure import RUNTIME_FAILED, RUNTIME_MISSING, WorkerError

CPU = "cpu"
PROVIDERS = OrderedDict(
    (
        (CPU, "CPUExecutionProvider"),
        ("openvino", "OpenVINOExecutionProvider"),
        ("cuda", "CUDAExecutionProvider"),
        ("tensorrt", "TensorrtExecutionProvider"),
        ("xnnpack", "XnnpackExecutionProvider"),
        ("dml", "DmlExecutionProvider"),
        ("coreml", "CoreMLExecutionProvider"),
        ("qnn", "QNNExecutionProvider"),
    )
)
"""By the value of the option `provider`."""
_PACKAGES = {
    "openvino": "onnxruntime-openvino",
    "cuda": "onnxruntime-gpu",
    "tensorrt": "onnxruntime-gpu",
    "dml": "onnxruntime-directml",
    "qnn": "onnxruntime-qnn",
}
"""Of the registry, in the place of onnxruntime; the others come with builds for their system."""
RECORD_ASSIGNMENT = "session.record_ep_graph_assignment_info"


def provider_list(module: Any, chosen: str, threads: int) -> List[Any]:
    """What a session is asked for, the processor's own kernels last. Raises WorkerError (runtime-missing) where this
    build has no such provider."""
    name = PROVIDERS[chosen]
    available = list(module.get_available_providers())
    if name not in available:
        package = _PACKAGES.get(chosen)
        raise WorkerError(
            RUNTIME_MISSING,
            "this build of ONNX Runtime has no %s; it has %s" % (name, ", ".join(available)),
            "install a build with it%s" % (": pip install %s" % package if package else ""),
        )
    if chosen == CPU:
        return [name]
    return [(name, _settings(chosen, threads)), PROVIDERS[CPU]]


def check_started(session: Any, chosen: str) -> None:
    """A provider that cannot start is left out with a warning, and the processor computes everything: that is another
    measurement than was asked for. Raises WorkerError (runtime-failed)."""
    if PROVIDERS[chosen] not in session.get_providers():
        raise WorkerError(
            RUNTIME_FAILED,
            "ONNX Runtime could not start %s, and would have computed with %s"
            % (PROVIDERS[chosen], ", ".join(session.get_providers())),
            "what it printed says why; most often a library or a driver is missing",
        )


def assignment(session: Any, chosen: str) -> Dict[str, Any]:
    """How many nodes of the graph the provider took, in how many pieces, and which operators fell back to the
    processor: the fact `delegation`. Only the provider's name where this release does not tell."""
    told: Dict[str, Any] = OrderedDict([("delegate", PROVIDERS[chosen])])
    ask = getattr(session, "get_provider_graph_assignment_info", None)
    if ask is None:
        return told
    taken = partitions = 0
    outside: Dict[str, int] = {}
    for subgraph in ask():
        nodes = subgraph.get_nodes()
        if subgraph.ep_name == PROVIDERS[chosen]:
            taken += len(nodes)
            partitions += 1
            continue
        for node in nodes:
            outside[node.op_type] = outside.get(node.op_type, 0) + 1
    fallen_back = sum(outside.values())
    told.update(
        nodes=taken + fallen_back,
        delegated=taken,
        partitions=partitions,
        full=fallen_back == 0,
        outside=OrderedDict(sorted(outside.items())),
    )
    return told


def _settings(chosen: str, threads: int) -> Dict[str, str]:
    return {
        "openvino": {
            "device_type": "CPU",
            "precision": "FP32",
            "num_of_threads": str(threads),
            "num_streams": "1",
        },
        "xnnpack": {"intra_op_num_threads": str(threads)},
        "cuda": {"use_tf32": "0"},
    }.get(chosen, {})
