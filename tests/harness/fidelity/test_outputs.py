"""What the gate lets through, and what it stops."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.harness.fidelity.outputs import MAX_RELATIVE_ERROR, Fidelity, compare_outputs

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(1, 19, 16, 32)).astype(np.float32)


def compare(reference: np.ndarray, deployed: np.ndarray, precision: str = "fp32", classes: bool = True) -> Fidelity:
    names = ("logits",) if classes else ()
    return compare_outputs({"logits": reference}, {"logits": deployed}, precision=precision, class_outputs=names)


def test_the_same_values_pass_in_every_precision():
    for precision in MAX_RELATIVE_ERROR:
        found = compare(LOGITS, LOGITS.copy(), precision)
        assert (found.passed, found.reason) == (True, None)
        (output,) = found.outputs
        assert (output.max_absolute_error, output.psnr_db, output.argmax_agreement) == (0, None, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_an_output_without_values_is_like_another_one(dtype):
    for shape in ((0, 4), (1, 0), (2, 0, 3)):
        nothing = np.empty(shape, dtype)
        found = compare_outputs({"a": nothing}, {"a": nothing}, precision="fp32", class_outputs="a", score_outputs="a")
        assert (found.passed, found.reason) == (True, None)


def test_rounding_passes_and_a_wrong_layout_does_not():
    rounded = LOGITS * (1 + 1e-6 * RANDOM.normal(size=LOGITS.shape))
    assert compare(LOGITS, rounded.astype(np.float32)).passed
    turned = LOGITS.reshape(1, 19, 32, 16).transpose(0, 1, 3, 2)
    found = compare(LOGITS, turned, "int8-dynamic")
    assert not found.passed
    assert "cosine 0.0" in str(found.reason) or "cosine -0.0" in str(found.reason)


def test_half_precision_may_lose_what_fp32_may_not():
    halved = LOGITS.astype(np.float16).astype(np.float32) * np.float32(1.004)
    assert compare(LOGITS, halved, "fp16").passed
    assert not compare(LOGITS, halved, "fp32").passed


def test_one_value_that_is_not_finite_is_enough_and_the_other_figures_stay():
    broken = LOGITS.copy()
    broken[0, 3, 2, 1] = np.nan
    found = compare(LOGITS, broken)
    assert found.reason == "logits: 1 values are not finite"
    assert found.outputs[0].cosine == pytest.approx(1, abs=1e-3)


def test_pixels_that_change_class_are_counted():
    reference = np.zeros((1, 2, 10, 100), np.float32)
    reference[:, 0] = 1.0
    reference[0, 1, 0, :2] = 1.0 - 1e-4
    flipped = reference.copy()
    # Within every tolerance by value; what is left is that two in a thousand show another class.
    flipped[0, 1, 0, :2] = 1.0 + 1e-4
    found = compare(reference, flipped)
    assert found.outputs[0].argmax_agreement == pytest.approx(0.998)
    assert found.reason == "logits: only 99.80% of the positions keep their class"
    assert compare(reference, flipped, classes=False).passed


def test_a_close_call_is_no_change():
    """Queries that a seeded model cannot tell apart: which of them wins is a matter of rounding."""
    reference = np.repeat(RANDOM.normal(size=(1, 1, 16, 32)), 100, axis=1).astype(np.float32)
    deployed = reference + np.float32(1e-6) * RANDOM.normal(size=reference.shape).astype(np.float32)
    assert (reference.argmax(1) != deployed.argmax(1)).mean() > 0.9
    found = compare(reference, deployed)
    assert found.passed
    assert found.outputs[0].argmax_agreement == 1


def test_classes_have_an_agreement_alone():
    classes = RANDOM.integers(0, 19, size=(1, 100, 100))
    other = classes.copy()
    other[0, 0, :20] = (other[0, 0, :20] + 1) % 19
    found = compare(classes, other)
    assert (found.outputs[0].cosine, found.outputs[0].argmax_agreement) == (None, pytest.approx(0.998))
    assert not found.passed
    assert compare(classes, other, "fp16").passed


def test_outputs_that_lack_or_have_another_shape_are_said():
    assert "no output called logits" in str(
        compare_outputs({"logits": LOGITS}, {}, precision="fp32", class_outputs=("logits",)).reason
    )
    assert "has shape (1, 19, 16, 16)" in str(compare(LOGITS, LOGITS[..., :16]).reason)


def test_a_model_may_widen_the_error_that_its_thresholds_make_and_nothing_else():
    reference = LOGITS.copy()
    moved = reference.copy()
    moved[0, 0, 0, 0] += 5e-3 * np.abs(reference).max()

    def judged(at_least_relative: float, precision: str = "fp32") -> Fidelity:
        return compare_outputs({"x": reference}, {"x": moved}, precision=precision, at_least_relative=at_least_relative)

    def limit(fidelity: Fidelity) -> float:
        return fidelity.outputs[0].limits.max_relative_error

    assert (judged(0.0).passed, limit(judged(0.0))) == (False, MAX_RELATIVE_ERROR["fp32"])
    assert (judged(1e-2).passed, limit(judged(1e-2))) == (True, 1e-2)
    assert limit(judged(1e-2, "fp16")) == MAX_RELATIVE_ERROR["fp16"]
    wrong = compare_outputs({"x": reference}, {"x": reference[::-1, ::-1]}, precision="fp32", at_least_relative=0.09)
    assert not wrong.passed


def test_the_first_class_of_a_classifier_is_told_and_not_judged():
    scores = RANDOM.normal(size=(4, 10)).astype(np.float32)
    others = scores.copy()
    winner = scores[0].argmax()
    others[0, winner] = scores[0].min() - 0.01
    found = compare_outputs({"x": scores}, {"x": others}, precision="int8", score_outputs=["x"])
    assert found.outputs[0].top1_agreement == 0.75
    right = compare_outputs({"x": scores}, {"x": scores}, precision="int8", score_outputs=["x"])
    assert (right.passed, right.outputs[0].top1_agreement) == (True, 1.0)
    # A map has positions, and no first class.
    mapped = compare_outputs({"x": LOGITS}, {"x": LOGITS}, precision="int8", score_outputs=["x"])
    assert mapped.outputs[0].top1_agreement is None
