"""The first node of an ONNX graph whose output is not finite, as ONNX Runtime computes it."""

import os
from typing import TYPE_CHECKING, Any, Callable, List, Mapping, Optional, Sequence

from ..runtime.non_finite import NonFinite, count_non_finite
from .onnx_file import Node, read_nodes, with_outputs

if TYPE_CHECKING:
    import numpy as np

_NODES_AT_ONCE = 16
"""Their outputs are in memory together."""


def first_non_finite(
    module: Any,
    make_options: Callable[[], Any],
    artifact: str,
    feeds: Mapping[str, "np.ndarray"],
    outputs: Sequence[str],
) -> Optional[NonFinite]:
    """Run the model with the outputs of some of its nodes as its own, the first ones first, until one is not finite.

    `outputs` names those that it has anyhow. A node whose output is wanted is not fused with the next one. What comes
    of constants alone does not count: a mask may be infinite on purpose.
    """
    with open(artifact, "rb") as stream:
        model = stream.read()
    nodes = _fed(read_nodes(model), feeds)
    for first in range(0, len(nodes), _NODES_AT_ONCE):
        some = nodes[first : first + _NODES_AT_ONCE]
        names = [name for node in some for name in node.outputs]
        wanted = with_outputs(model, [name for name in names if name not in outputs])
        session = module.InferenceSession(
            wanted, _options(make_options(), artifact), providers=["CPUExecutionProvider"]
        )
        computed = dict(zip(names, session.run(names, dict(feeds))))
        for node in some:
            for name in node.outputs:
                nan_count, infinite_count = count_non_finite(computed[name])
                if nan_count or infinite_count:
                    size = int(computed[name].size)
                    return NonFinite(node.name, node.operator, nan_count, infinite_count, size)
    return None


def _fed(nodes: List[Node], feeds: Mapping[str, Any]) -> List[Node]:
    """Those that depend on the inputs."""
    reached, found = set(feeds), []
    for node in nodes:
        if not reached.isdisjoint(node.inputs):
            reached.update(node.outputs)
            found.append(node)
    return found


def _options(options: Any, artifact: str) -> Any:
    # A model that is given as bytes has no folder in which its external data would lie.
    folder = os.path.dirname(os.path.abspath(artifact))
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
    return options
