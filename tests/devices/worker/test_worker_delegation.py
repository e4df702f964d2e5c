from __future__ import annotations

import pytest

from bench_worker.libraries.litert_delegation import count_delegated


class _Interpreter:
    def __init__(self, nodes):
        self._nodes = [{"op_name": name, "inputs": inputs, "outputs": outputs} for name, inputs, outputs in nodes]

    def _get_ops_details(self):
        return self._nodes


# 0 -> CONV -> 1 -> PAD -> 2 -> CONV -> 3, 3 -> RELU -> 4, weights 10 and 11.
GRAPH = [("CONV_2D", [0, 10], [1]), ("PADV2", [1], [2]), ("CONV_2D", [2, 11, -1], [3]), ("RELU", [3], [4])]


@pytest.mark.parametrize(
    ("delegates", "expected"),
    [
        ([], (4, 0, 0)),
        ([("DELEGATE", [0, 10], [1])], (4, 1, 1)),
        ([("DELEGATE", [0, 10], [1]), ("DELEGATE", [2, 11], [4])], (4, 3, 2)),
        # Both the map inside and the last one are outputs of one partition.
        ([("DELEGATE", [0, 10, 11], [3, 4])], (4, 4, 1)),
    ],
)
def test_nodes_of_a_partition_follow_from_its_tensors(delegates, expected):
    assert tuple(count_delegated(_Interpreter(GRAPH + delegates))) == expected


@pytest.mark.parametrize("details", [None, "nonsense", [{}], []])
def test_an_interpreter_that_does_not_tell_gives_nothing(details):
    class Silent:
        pass

    interpreter = Silent()
    if details is not None:
        interpreter._get_ops_details = lambda: details
    assert count_delegated(interpreter) is None
