"""Does the deployed artifact still compute the model? Its outputs against the fp32 module's, by value.

`isfinite` is not enough: an fp16 engine can overflow inside and still give finite nonsense (docs/method.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.floating]

MAX_RELATIVE_ERROR = {
    "fp32": 1e-3,
    "fp16": 1e-1,
    "bf16": 2e-1,
    "fp16-weights": 1e-2,
    "int8-dynamic": 2e-1,
    "int8": 5e-1,
}
"""Largest |difference| over the largest |reference|, by the precision that was asked for. Two correct fp32
implementations differ by 1e-6 to 1e-5 here; a wrong layout, weight or resize differs by 1e-1 and more, and its cosine
is near 0. What integers lose is wide, and no sign of a fault: with them the check asks for the latter above all."""
MIN_COSINE = {
    "fp32": 0.99999,
    "fp16": 0.999,
    "bf16": 0.99,
    "fp16-weights": 0.9999,
    "int8-dynamic": 0.99,
    "int8": 0.95,
}
MIN_ARGMAX_AGREEMENT = {
    "fp32": 0.999,
    "fp16": 0.98,
    "bf16": 0.95,
    "fp16-weights": 0.99,
    "int8-dynamic": 0.9,
    "int8": 0.75,
}
"""Share of pixels with the same class, for dense predictions, close calls aside."""
CLOSE_CALL = {
    "fp32": 1e-5,
    "fp16": 1e-3,
    "bf16": 1e-2,
    "fp16-weights": 1e-3,
    "int8-dynamic": 0.0,
    "int8": 0.0,
}
"""Another class counts as the same one where the reference's values of both lie no further apart than this share of its
largest: what correct implementations differ by, so that either may win. Seeded weights make many such pixels."""


ROUNDING_LIMIT = MAX_RELATIVE_ERROR["fp32"] / 10
"""The fp32 module may be off by a tenth of fp32's limit from the same module in float64; where rounding errors grow so
that it is off by more, every limit grows in proportion: two implementations that are both right differ by several times
what each is off by."""


@dataclass(frozen=True)
class Limits:
    """What an output is held to. `close_call`: see CLOSE_CALL."""

    max_relative_error: float
    cosine: float
    argmax_agreement: float
    close_call: float


def limits_of(precision: str, at_least_relative: float = 0.0, rounding_error: float | None = None) -> Limits:
    """`rounding_error`: what the fp32 module is off by, relative to the largest value; None where that is unknown."""
    growth = max(1.0, (rounding_error or 0.0) / ROUNDING_LIMIT)
    return Limits(
        max_relative_error=max(MAX_RELATIVE_ERROR[precision] * growth, at_least_relative),
        # The cosine falls with the square of the error.
        cosine=max(0.0, 1 - (1 - MIN_COSINE[precision]) * growth**2),
        argmax_agreement=max(0.0, 1 - (1 - MIN_ARGMAX_AGREEMENT[precision]) * growth),
        close_call=CLOSE_CALL[precision] * growth,
    )


@dataclass(frozen=True)
class OutputFidelity:
    """One output against its reference. `max_relative_error` is relative to the reference's largest magnitude.

    `argmax_agreement` is the share of positions that keep their class, or whose choice was a close call. An output that
    is classes has an agreement alone.
    """

    name: str
    max_absolute_error: float | None
    max_relative_error: float | None
    cosine: float | None
    psnr_db: float | None
    argmax_agreement: float | None
    top1_agreement: float | None
    """Of a classifier: the share of images that keep their first class. It is told, and no limit is set to it: of one
    image it is all or nothing."""
    non_finite: int
    limits: Limits
    largest_value: float | None
    """The reference's largest magnitude; None for classes."""
    reason: str | None
    """What failed, in one line."""


@dataclass(frozen=True)
class Fidelity:
    passed: bool
    outputs: tuple[OutputFidelity, ...]
    reason: str | None
    """What failed, in one line; None when everything passed."""


def compare_outputs(
    reference: Mapping[str, Array],
    deployed: Mapping[str, Array],
    *,
    precision: str,
    class_outputs: Sequence[str] = (),
    score_outputs: Sequence[str] = (),
    at_least_relative: float = 0.0,
    rounding_errors: Mapping[str, float] | None = None,
) -> Fidelity:
    """Compare arrays by name. `class_outputs` are those with classes along axis 1, compared by argmax as well;
    `score_outputs` those with one row of scores an image.

    `at_least_relative` widens the largest relative error of the precision, for a model that says why it needs that;
    `rounding_errors`, by output, are what the fp32 module itself is off by.
    """
    missing = sorted(set(reference) - set(deployed))
    if missing:
        return Fidelity(False, (), f"the artifact gave no output called {', '.join(missing)}")
    outputs = []
    for name, expected in reference.items():
        actual = deployed[name]
        if actual.shape != expected.shape:
            return Fidelity(
                False,
                (),
                f"output {name} has shape {actual.shape}, and its reference {expected.shape}",
            )
        limits = limits_of(precision, at_least_relative, (rounding_errors or {}).get(name))
        compared = _compare(name, expected, actual, limits, name in class_outputs)
        top1 = _top1_agreement(expected, actual) if name in score_outputs else None
        outputs.append(replace(compared, top1_agreement=top1))
    reasons = [output.reason for output in outputs if output.reason is not None]
    return Fidelity(not reasons, tuple(outputs), "; ".join(reasons) or None)


def _compare(name: str, expected: Array, actual: Array, limits: Limits, classes: bool) -> OutputFidelity:
    import numpy as np

    if np.issubdtype(expected.dtype, np.integer):
        return _compare_classes(name, expected, actual, limits)
    reference, deployed = expected.astype(np.float64), actual.astype(np.float64)
    non_finite = int(np.size(deployed) - np.isfinite(deployed).sum())
    has_classes = classes and reference.ndim >= 2 and reference.size
    agreement = _agreement(reference, deployed, limits.close_call) if has_classes else None
    # Compared with zeros in place of what is not finite, so that one NaN does not hide the other figures.
    deployed = np.nan_to_num(deployed, nan=0.0, posinf=0.0, neginf=0.0)
    difference = np.abs(reference - deployed)
    # Of an output without values, such as what detection found where there was nothing, nothing can differ.
    scale = float(np.abs(reference).max(initial=0.0))
    max_absolute = float(difference.max(initial=0.0))
    max_relative = max_absolute / scale if scale > 0 else (0.0 if max_absolute == 0 else float("inf"))
    norms = float(np.linalg.norm(reference) * np.linalg.norm(deployed))
    cosine = float((reference * deployed).sum() / norms) if norms > 0 else float(max_absolute == 0)
    mean_square = float((difference**2).mean()) if difference.size else 0.0
    psnr_db = 10 * float(np.log10(scale**2 / mean_square)) if mean_square > 0 and scale > 0 else None
    reason = None
    if non_finite:
        reason = f"{name}: {non_finite} values are not finite"
    elif max_relative > limits.max_relative_error or cosine < limits.cosine:
        reason = f"{name}: largest error {max_relative:.1e} of the largest value, cosine {cosine:.6f}"
    elif agreement is not None and agreement < limits.argmax_agreement:
        reason = f"{name}: only {agreement:.2%} of the positions keep their class"
    return OutputFidelity(
        name, max_absolute, max_relative, cosine, psnr_db, agreement, None, non_finite, limits, scale, reason
    )


def _agreement(reference: Array, deployed: Array, close_call: float) -> float:
    import numpy as np

    chosen = np.take_along_axis(reference, deployed.argmax(1, keepdims=True), 1)
    lost = reference.max(1, keepdims=True) - chosen
    return float((lost <= close_call * np.abs(reference).max()).mean())


def _top1_agreement(reference: Array, deployed: Array) -> float | None:
    """None for what is no table of scores."""
    if reference.ndim != 2 or not reference.size:
        return None
    return float((reference.argmax(1) == deployed.argmax(1)).mean())


def _compare_classes(name: str, expected: Array, actual: Array, limits: Limits) -> OutputFidelity:
    """Class numbers have no distance: positions that agree are counted."""
    agreement = float((expected == actual).mean()) if expected.size else 1.0
    reason = None
    if agreement < limits.argmax_agreement:
        reason = f"{name}: only {agreement:.2%} of the positions keep their class"
    return OutputFidelity(name, None, None, None, None, agreement, None, 0, limits, None, reason)
