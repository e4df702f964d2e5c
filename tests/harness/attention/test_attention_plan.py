"""What is measured together: equal shapes, equal MACs, whole models."""

from __future__ import annotations

import pytest

from bench_worker.runtimes import runtime_class
from latency_bench.devices.errors import WorkerError
from latency_bench.harness.attention.attention_options import (
    FormChoice,
    check_kernel,
    default_forms,
    known_forms,
    parse_form,
)
from latency_bench.harness.attention.attention_plan import Shape, plan_models, plan_subjects
from latency_bench.harness.attention.matching import macs_of, match
from latency_bench.harness.attention.profiles import by_kind, kind_of, operator_shares
from latency_bench.harness.errors import UsageError
from latency_bench.harness.statistics.layer_shares import LayerShare
from latency_bench.model_specs.architectures.attention.subject import Subject


@pytest.mark.parametrize("scope", ["core", "module", "block"])
@pytest.mark.parametrize(("tokens", "multi_scale"), [(256, False), (1024, True), (4096, False)])
def test_a_widened_linear_form_is_the_nearest_in_macs(scope, tokens, multi_scale):
    quadratic = Subject("softmax", 8, 16, tokens, scope, multi_scale)
    found = match(quadratic, "widened", multi_scale)
    assert found is not None
    assert found.target_macs == macs_of(quadratic)
    assert (found.linear.form, found.linear.tokens, found.linear.head_dim) == ("relu-linear", tokens, 16)
    neighbours = [
        macs_of(Subject("relu-linear", found.linear.heads + step, 16, tokens, scope, multi_scale)) for step in (-1, 1)
    ]
    assert all(abs(found.macs - found.target_macs) <= abs(macs - found.target_macs) for macs in neighbours)
    assert found.difference == pytest.approx(found.macs / found.target_macs - 1)


def test_a_repeated_one_is_too_and_a_core_cannot_be_repeated():
    quadratic = Subject("softmax", 8, 16, 4096, "module")
    found = match(quadratic, "repeated")
    assert found is not None
    assert found.linear == Subject("relu-linear", 8, 16, 4096, "module", repeats=16)
    assert found.macs == macs_of(found.linear), "counted, not multiplied"
    assert match(Subject("softmax", 8, 16, 4096), "repeated") is None


def test_one_that_is_not_near_is_none_and_said_to_be():
    assert match(Subject("softmax", 2, 8, 64, "module"), "widened") is None
    (group,) = plan_subjects([Shape(2, 8, (8, 8))], [parse_form("softmax")], ["module"], "widened")
    assert len(group.members) == 1
    (note,) = group.notes
    assert "the linear form nearest in MACs to softmax, widened to 3 heads, differs by " in note
    assert "nothing is compared at equal MACs" in note


def test_macs_that_are_not_equal_to_2_percent_are_said_to_differ_and_by_how_much():
    (group,) = plan_subjects([Shape(1, 16, (8, 8))], [parse_form("softmax")], ["core"], "widened")
    assert [planned.reason for planned in group.members[1:]] == ["equal MACs, widened to 4 heads (+3.1%)"]
    (note,) = group.notes
    assert "widened to 4 heads, differs by +3.1%: heads and repeats are whole numbers" in note
    (close,) = plan_subjects([Shape(4, 8, (8, 8))], [parse_form("softmax")], ["core"], "widened")
    assert (len(close.members), close.notes) == (2, ())


def test_nothing_is_made_of_more_heads_than_anything_could_run():
    assert match(Subject("softmax", 100, 16, 16384), "widened") is None


@pytest.mark.parametrize("name", known_forms())
def test_every_form_has_a_name_with_and_without_multi_scale(name):
    assert parse_form(name).multi_scale is False
    assert parse_form(f"{name}-ms").multi_scale is True
    assert parse_form(f"{name}-ms").form == parse_form(name).form


def test_forms_that_are_none_and_kernels_where_there_are_none():
    assert parse_form("sdpa-flash").runtime_options == {"sdpa": "flash"}
    with pytest.raises(UsageError, match="relu-linear, relu-quadratic, softmax, sdpa"):
        parse_form("sdpa-cudnn")
    check_kernel(FormChoice("sdpa", kernel="flash"), runtime_class("torch-cuda"))
    with pytest.raises(UsageError, match="--runtime torch"):
        check_kernel(FormChoice("sdpa", kernel="flash"), runtime_class("litert"))
    assert "sdpa" in default_forms(runtime_class("torch"))
    assert "sdpa" not in default_forms(runtime_class("onnxruntime")), (
        "an ONNX file has it written out: the same graph twice"
    )


def test_one_group_a_scope_and_shape_with_one_linear_form_of_equal_macs():
    shapes = [Shape(8, 16, (32, 32)), Shape(8, 16, (32, 64))]
    choices = [parse_form(name) for name in ("relu-linear", "softmax", "sdpa-flash")]
    groups = plan_subjects(shapes, choices, ["module", "block"], "widened")
    assert len(groups) == 4
    (first, second, *_) = groups
    assert [(one.spec.id, one.kernel) for one in first.members] == [
        ("attn-relu-linear-module-h8-d16-n1024", None),
        ("attn-softmax-module-h8-d16-n1024", None),
        ("attn-sdpa-module-h8-d16-n1024", "flash"),
        ("attn-relu-linear-module-h18-d16-n1024", None),
    ]
    assert first.members[-1].reason == "equal MACs, widened to 18 heads (+4.2%)"
    assert {one.spec.resolution for one in second.members} == {(32, 64)}


def test_whole_models_come_with_their_twins_from_the_smallest_on():
    groups = plan_models(["b1-seg"], [(512, 1024), (128, 256)])
    assert [[(one.spec.id, one.spec.resolution) for one in group.members] for group in groups] == [
        [("b1-seg", (128, 256)), ("b1-seg-softmax", (128, 256))],
        [("b1-seg", (512, 1024)), ("b1-seg-softmax", (512, 1024))],
    ]
    with pytest.raises(UsageError, match="cannot be compared"):
        plan_models(["b0-seg-single-scale"], [])


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("aten::_softmax", "softmax"),
        ("aten::bmm", "matrix products"),
        ("aten::addmm", "matrix products"),
        ("aten::mul", "elementwise and sums"),
        ("aten::copy_", "transpose and copy"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "fused attention"),
        ("aten::mkldnn_convolution", "projections and aggregation"),
        ("_gemm_mha_v2", "fused attention"),
        ("Batch Matrix Multiply (NC, F32) GEMM", "matrix products"),
        ("Fully Connected (NC, F32) IGEMM", "projections and aggregation"),
        ("aten::view", "other"),
    ],
)
def test_operators_by_kind(operator, kind):
    assert kind_of(operator) == kind


def test_shares_add_up():
    shares = (("aten::bmm", 0.5), ("aten::_softmax", 0.2), ("aten::mm", 0.3))
    layers = [LayerShare(f"layer {index}", name, 1, 1, share) for index, (name, share) in enumerate(shares)]
    assert by_kind(layers) == pytest.approx({"matrix products": 0.8, "softmax": 0.2})


def test_a_profile_that_fails_costs_no_other(monkeypatch):
    groups = plan_subjects(
        [Shape(8, 16, (8, 8))], [parse_form("relu-linear"), parse_form("softmax")], ["module"], "widened"
    )

    def profile_case(case, requests, observer):
        if "softmax" in case:
            raise WorkerError("out-of-memory", "the measuring process was killed")
        return [LayerShare("conv", "CONV_2D", 1.0, 1.0, 1.0)]

    monkeypatch.setattr("latency_bench.harness.profiling.profile_case", profile_case)
    found, lost = operator_shares(groups, lambda planned: planned.spec.id, None)
    assert [shares for _, shares in found] == [{"projections and aggregation": 1.0}] * len(found)
    assert found
    assert len(lost) == 1
    assert lost[0].startswith(
        "attn-softmax-module-h8-d16-n64 at 8x8 could not be profiled: the measuring process was killed"
    )
