"""Reading YAML leaves nothing behind: a host that measures for months reads its devices.yaml for every case."""

from __future__ import annotations

import gc

import yaml

from latency_bench.model_specs.located_yaml import parse_yaml

TEXT = "".join(f"device-{number}: {{transport: local, probes: [linux, {number}]}}\n" for number in range(20))


def _nodes() -> int:
    gc.collect()
    return sum(isinstance(one, yaml.Node) for one in gc.get_objects())


def test_a_document_that_was_read_is_not_kept() -> None:
    before = _nodes()
    document = parse_yaml(TEXT, "devices.yaml", "must be a mapping")
    assert document.value["device-3"] == {"transport": "local", "probes": ["linux", 3]}
    assert document.line_of(("device-3", "probes", 1)) == 4
    assert _nodes() == before
