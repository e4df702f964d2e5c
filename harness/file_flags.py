"""What has to be said of a run of a file of the user's, which no module checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.fidelity.precision import other_precision
from latency_bench.harness.store.outcome import Flag

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Measured


def non_finite_outputs(outputs: Path) -> dict[str, str]:
    """By output in an .npz file how many of its values are NaN or infinite, in words; none for an output without."""
    import numpy as np

    counted = {}
    with np.load(outputs, allow_pickle=False) as file:
        for name in file.files:
            array = file[name]
            lost = array.size - int(np.isfinite(array).sum()) if array.dtype.kind == "f" else 0
            if lost:
                counted[name] = f"{lost} of {array.size}"
    return counted


def file_flags(measured: Measured) -> list[Flag]:
    """Of outputs that are not finite or whose size the runtime finds only while it computes, and of layers in another
    precision than the file's."""
    flags = []
    if measured.non_finite_outputs:
        listed = ", ".join(f"{name} ({count} values)" for name, count in measured.non_finite_outputs.items())
        flags.append(
            Flag(
                name="outputs_not_finite",
                severity="warning",
                text=f"outputs are NaN or infinite: {listed}",
                remedy="feed inputs that the model is made for (--input); arithmetic with NaN may take another time",
            )
        )
    loaded = measured.rounds[0].result.loaded if measured.rounds else {}
    if counted := other_precision(measured.case.precision, loaded):
        flags.append(
            Flag(
                name="other_precision",
                severity="warning",
                text=f"the file is in {measured.case.precision}, and {counted}: the runtime has no such kernels here",
                remedy="quote the number as that of the precision that computes",
            )
        )
    misstated = [str(name) for name in loaded.get("outputs_misstated", ())]
    if misstated:
        flags.append(
            Flag(
                name="outputs_misstated",
                severity="info",
                text=f"the file states another shape of {', '.join(misstated)} than it gives: the runtime allocates it "
                "in every request, and device to host is a copy into new memory",
                remedy="correct the shape of the output in the file",
            )
        )
    if allocated := [name for name in loaded.get("outputs_allocated", ()) if name not in misstated]:
        flags.append(
            Flag(
                name="outputs_of_varying_size",
                severity="info",
                text=f"the size of {', '.join(map(str, allocated))} depends on the input's values: the runtime "
                "allocates it in every request, and device to host is a copy into new memory",
                remedy="feed typical inputs (--input)",
            )
        )
    return flags
