"""Reading YAML leaves nothing behind: a host that measures for months reads its devices.yaml for every case."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
import yaml

from latency_bench.model_specs.located_yaml import parse_yaml

TEXT = "".join(f"device-{number}: {{transport: local, probes: [linux, {number}]}}\n" for number in range(20))


@pytest.fixture
def new_objects() -> Iterator[Callable[[], list[object]]]:
    """new_objects(): what was made since, and is alive. What was there before is set aside: it is millions."""
    gc.freeze()

    def alive() -> list[object]:
        gc.collect()
        return gc.get_objects()

    yield alive
    gc.unfreeze()


def test_a_document_that_was_read_is_not_kept(new_objects: Callable[[], list[object]]) -> None:
    document = parse_yaml(TEXT, "devices.yaml", "must be a mapping")
    assert document.value["device-3"] == {"transport": "local", "probes": ["linux", 3]}
    assert document.line_of(("device-3", "probes", 1)) == 4
    assert not [one for one in new_objects() if isinstance(one, yaml.Node)]
