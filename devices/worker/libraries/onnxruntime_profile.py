"""Times by node from ONNX Runtime's own profiler."""

import json
import os
import shutil
import tempfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from ..failure import RUNTIME_FAILED, WorkerError
from ..runtime.base import LayerTime

if TYPE_CHECKING:
    import numpy as np

_KERNEL = "_kernel_time"


def profile_nodes(
    module: Any,
    options: Any,
    providers: Sequence[Any],
    artifact: str,
    feeds: Mapping[str, "np.ndarray"],
    count: int,
) -> List[LayerTime]:
    """A session of its own over `count` requests, slowest node first. The profiler counts whole microseconds."""
    # In the folder that the worker was started in, which goes with the session, even if this process is killed.
    folder = tempfile.mkdtemp(prefix="profile-", dir=os.getcwd())
    try:
        options.enable_profiling = True
        options.profile_file_prefix = os.path.join(folder, "profile")
        session = module.InferenceSession(artifact, options, providers=list(providers))
        for _ in range(count + 1):
            session.run(None, dict(feeds))
        with open(session.end_profiling(), encoding="utf-8") as stream:
            return read_profile(stream.read(), count)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_profile(text: str, count: int) -> List[LayerTime]:
    """The kernels' times of the last `count` requests: what each node did before them was warming up.

    Raises WorkerError (runtime-failed) for what is no profile.
    """
    durations_us: Dict[str, List[int]] = OrderedDict()
    operators: Dict[str, str] = {}
    try:
        for event in json.loads(text):
            name = str(event["name"])
            if event.get("cat") == "Node" and name.endswith(_KERNEL):
                layer = name[: -len(_KERNEL)]
                durations_us.setdefault(layer, []).append(int(event["dur"]))
                operators[layer] = str(event["args"]["op_name"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkerError(RUNTIME_FAILED, "ONNX Runtime's profile does not parse: %s" % error, "use another release")
    layers = []
    for layer, all_us in durations_us.items():
        # A node in a loop runs several times a request, always as often.
        calls = len(all_us) // (count + 1) * count
        layers.append(LayerTime(layer, operators[layer], calls, 1000 * sum(all_us[len(all_us) - calls :])))
    return sorted(layers, key=lambda layer: -layer.total_ns)
