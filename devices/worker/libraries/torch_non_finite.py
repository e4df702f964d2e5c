"""The first operator of an exported program whose result is not finite."""

from typing import Any, Iterator, Optional, Sequence

from ..runtime.non_finite import NonFinite


class _FoundError(Exception):
    """Ends the run of the graph."""


def first_non_finite(torch: Any, module: Any, arguments: Sequence[Any]) -> Optional[NonFinite]:
    """Run the graph of `module` operator by operator, letting go of every tensor after its last use, up to the first
    whose values are not all finite. What takes no tensor is a constant of the model (a mask may be infinite on
    purpose) and does not count."""

    class Watch(torch.fx.Interpreter):  # type: ignore[misc]
        found: Optional[NonFinite] = None

        def run_node(self, node: Any) -> Any:
            result = super().run_node(node)
            if node.op != "call_function" or not any(one.op != "get_attr" for one in node.all_input_nodes):
                return result
            for tensor in _tensors(torch, result):
                # On the tensor's own device: a whole feature map need not come to the host.
                nan_count, infinite_count = int(tensor.isnan().sum()), int(tensor.isinf().sum())
                if nan_count or infinite_count:
                    self.found = NonFinite(
                        _layer(node), str(node.target), nan_count, infinite_count, int(tensor.numel())
                    )
                    raise _FoundError
            return result

    watch = Watch(module)
    # Else the error that stops it would be printed with the whole graph.
    watch.extra_traceback = False
    try:
        watch.run(*arguments)
    except _FoundError:
        pass
    return watch.found


def _tensors(torch: Any, result: Any) -> Iterator[Any]:
    for one in result if isinstance(result, (tuple, list)) else (result,):
        if isinstance(one, torch.Tensor) and one.is_floating_point():
            yield one


def _layer(node: Any) -> str:
    """The path of the module that it belongs to, as far as the export kept it, and the node's own name."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [str(entry[0]) for entry in stack.values() if entry and entry[0]]
    return "%s (%s)" % (paths[-1], node.name) if paths else str(node.name)
