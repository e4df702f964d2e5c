"""What has to be said beside the number of a model in int8: what its ranges come from, and what stayed in fp32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from latency_bench.harness.store.outcome import Flag
from latency_bench.harness.store.quantisation import Quantisation

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Measured


def quantisation_flags(measured: Measured) -> list[Flag]:
    """Of a run with numbers; none for a precision that is not made of integers."""
    loaded: Mapping[str, Any] = measured.rounds[0].result.loaded if measured.rounds else {}
    facts: Mapping[str, Any] = {} if measured.artifact is None else measured.artifact.facts
    return list(_flags(measured.case.precision, Quantisation.of_facts(loaded, facts)))


def _flags(precision: str, known: Quantisation) -> Iterator[Flag]:
    if not precision.startswith("int8"):
        return
    if known.calibration == "seeded":
        yield Flag(
            name="seeded_calibration",
            severity="info",
            text="the ranges of int8's activations come from seeded data: what is said of the outputs holds for such "
            "data, not for images of yours",
            remedy="bring typical inputs with --calibration FOLDER or FILE.npz",
        )
    if known.weighted_layers and known.integer_layers is not None and known.integer_layers < known.weighted_layers:
        yield Flag(
            name="partly_int8",
            severity="warning",
            text=str(known.text()),
            remedy="a layer in fp32 between two in int8 costs two conversions; compare with --precision fp32",
        )
