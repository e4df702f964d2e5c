"""A model that is too large is refused by numbers, before it starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from latency_bench.devices.probes.base import Reading
from latency_bench.harness.export.artifact import Artifact
from latency_bench.harness.fit import TooLargeError, check_fits

GB = 10**9
ARTIFACT = Artifact(
    path=Path("model.onnx"), format="onnx", sha256="0" * 64, size_bytes=2 * GB, inputs=(), outputs=(), reference=None,
    facts={"weights_bytes": 2 * GB, "activations_bytes": 3 * GB},
)  # fmt: skip


def _free(gb: float) -> list[Reading]:
    return [Reading("cpu0", "frequency", 3000, "MHz"), Reading("system", "memory_available", gb * GB, "bytes")]


def test_what_fits_goes_on():
    check_fits(ARTIFACT, _free(5.1))


def test_what_does_not_fit_is_refused_with_the_figures():
    with pytest.raises(TooLargeError) as caught:
        check_fits(ARTIFACT, _free(4.9))
    for figure in ("5.0 GB", "weights 2.0", "activations 3.0", "4.9 GB free", "--resolution"):
        assert figure in str(caught.value)


def test_a_containers_limit_counts_where_it_is_the_smaller():
    of_container = Reading("container", "memory_available", 0.3 * GB, "bytes")
    with pytest.raises(TooLargeError, match=r"0\.3 GB free"):
        check_fits(ARTIFACT, [*_free(24), of_container])
    with pytest.raises(TooLargeError, match=r"0\.3 GB free"):
        check_fits(ARTIFACT, [of_container, *_free(24)])


def test_nothing_is_claimed_of_what_is_not_known():
    check_fits(replace(ARTIFACT, facts={}), _free(0.1))
    check_fits(ARTIFACT, [])
