"""The precisions: number formats that a model can be asked to be computed or stored in."""

from typing import NamedTuple, Tuple


class Precision(NamedTuple):
    """One value of `--precision`."""

    name: str
    meaning: str
    """For people, in a few words."""
    weight_bytes: int
    """Of one weight in the file."""
    computes_in: str
    """The type that layers report to compute in (`layer_precisions`), by numpy's name."""
    quantised: bool = False
    """Whether only weights, or weights and activations of single layers, are made smaller in the file."""
    judged_as: str = ""
    """Outputs are held to the limits of this precision; empty: it has limits of its own (harness/fidelity)."""


PRECISIONS: Tuple[Precision, ...] = (
    Precision("fp32", "single precision", 4, "float32"),
    Precision("fp16", "half precision", 2, "float16"),
    Precision("bf16", "bfloat16", 2, "bfloat16"),
    Precision("fp16-weights", "fp16 weights, computed in fp32", 2, "float32", quantised=True),
    Precision("int8-dynamic", "int8 weights, activations quantised while running", 1, "int8", quantised=True),
    Precision("int8", "int8 weights and activations, calibrated", 1, "int8", quantised=True),
)
"""Those that are known here. A runtime of a third party may declare more (`OWN_PRECISIONS`)."""
FORMER_NAMES = {"int8-weights": "int8-dynamic"}
"""What precisions were called before, in stored records and in scripts."""
