"""The memory that a model needs, counted without computing: against what is known exactly."""

from __future__ import annotations

import pytest

from latency_bench.harness.export.memory_estimate import estimate_memory
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.building import build_module

pytest.importorskip("torch")


def test_weights_are_parameters_and_buffers_in_fp32():
    spec = load_spec("b1-seg").at((64, 64))
    module = build_module(spec)
    exact = sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
    assert estimate_memory(spec).weights_bytes == exact


def test_activations_grow_with_batch_and_area_and_hold_at_least_the_widest_layer():
    spec = load_spec("b1-seg")
    small, large = estimate_memory(spec.at((64, 128))), estimate_memory(spec.at((256, 256)))
    assert large.activations_bytes == pytest.approx(8 * small.activations_bytes, rel=0.05)
    assert estimate_memory(spec.at((64, 128)), batch=4).activations_bytes == pytest.approx(
        4 * small.activations_bytes, rel=0.05
    )
    # An inverted residual of the first stage holds 4 x 16 channels at half the resolution, before and after its
    # depthwise convolution.
    assert small.activations_bytes >= 2 * 64 * 32 * 64 * 4


def test_softmax_attention_is_counted_with_its_quadratic_map():
    softmax, linear = (load_spec(name).at((512, 512)) for name in ("b0-seg-softmax", "b0-seg"))
    tokens = (512 // 16) ** 2
    assert estimate_memory(softmax).activations_bytes - estimate_memory(linear).activations_bytes > tokens**2 * 4


@pytest.mark.parametrize("form", ["sdpa", "softmax"])
def test_the_fused_operator_makes_no_map_and_attention_written_out_does(form: str):
    spec = load_spec(f"attn-{form}-module-h8-d16-n1024")
    heads, map_bytes = 8, 8 * 1024**2 * 4
    plain, fused = estimate_memory(spec), estimate_memory(spec, fused_attention=True)
    assert plain.activations_bytes > map_bytes
    if form == "softmax":
        assert fused == plain
    else:
        assert fused.activations_bytes < map_bytes / 2
        # What is left: input, Q, K, V and the output at least, of 128 channels each.
        assert fused.activations_bytes >= 5 * heads * 16 * 1024 * 4
