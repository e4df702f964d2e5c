"""Pairs, growth and memory from runs whose latencies are known."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from attention_runs import run_row, table_of

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.reports.attention_models import memory_ends, whole_models
from latency_bench.reports.attention_points import attention_points, label_of
from latency_bench.reports.attention_ratios import attention_ratios
from latency_bench.reports.attention_scaling import attention_crossovers, attention_fits
from latency_bench.reports.attention_table import attention_markdown, attention_sections
from latency_bench.reports.paired_ratios import PairedRatios, PairedSpeedUp
from latency_bench.reports.rows import rows_of


def pairs(runs, definition, label="softmax"):
    ratios = attention_ratios(runs)
    return ratios[(ratios["definition"] == definition) & (ratios["label"] == label)].set_index("tokens")


def test_at_the_same_shape_softmax_grows_away(runs):
    found = pairs(runs, "same shape")
    assert list(found.index) == [256, 1024, 4096, 16384]
    assert found["ratio"].to_list()[:3] == pytest.approx([0.5, 2, 8])
    assert (found["ratio_low"][:3] < found["ratio"][:3]).all()
    assert (found["ratio_high"][:3] > found["ratio"][:3]).all()
    assert not found["fits"][16384]
    assert math.isnan(found["ratio"][16384])
    assert found["linear_ms"][16384] == 64


def test_at_equal_macs_the_widened_form_is_the_partner_and_the_difference_is_stated(runs):
    found = pairs(runs, "equal MACs")
    assert list(found.index) == [256, 1024, 4096], "what did not fit has no MACs to be equal to"
    assert found["ratio"].to_list() == pytest.approx([1.5] * 3)
    assert found["linear_heads"].to_list() == [11, 18, 33]
    assert found["macs_difference"].abs().max() < 0.05
    assert found["macs_difference"].to_list() == pytest.approx((found["linear_macs"] / found["macs"] - 1).to_list())
    assert found["macs_s"][256] == pytest.approx(found["macs"][256] / 0.5e-3)


def test_a_linear_form_with_other_macs_is_no_partner(runs):
    without = runs[~runs["model"].str.contains("h18")]
    assert list(pairs(without, "equal MACs").index) == [256, 4096]


def test_multi_scale_is_set_against_single_scale(runs):
    found = pairs(runs, "same shape", "ReLU linear, multi-scale")
    assert found["ratio"].to_list() == pytest.approx([3] * 4)
    assert set(found["linear_label"]) == {"ReLU linear"}


def test_the_latest_run_counts(runs):
    newer = run_row(99, "attn-softmax-module-h8-d16-n1024", (32, 32), 12.0, macs=1)
    found = pairs(pd.concat([table_of([newer]), runs]), "same shape")
    assert found["ratio"][1024] == pytest.approx(3)


@pytest.mark.parametrize(
    "changes", [{"runtime": "torch"}, {"runtime_version": "2.14.0"}, {"threads": 2}, {"device": "phone"}, {"batch": 2}]
)
def test_other_conditions_are_never_compared(runs, changes):
    model = "attn-softmax-module-h8-d16-n1024"
    other = runs[runs["model"] == model].assign(**changes)
    assert list(pairs(pd.concat([other, runs[runs["model"] != model]]), "same shape").index) == [256, 4096, 16384]


def test_a_forced_kernel_is_a_form_of_its_own():
    models = "attn-relu-linear-h1-d8-n64", "attn-sdpa-h1-d8-n64", "attn-sdpa-h1-d8-n64"
    options = "{}", '{"sdpa": "auto"}', '{"sdpa": "flash"}'
    rows = [
        run_row(index, model, (8, 8), 1.0 + index, macs=1000, runtime_options=one)
        for index, (model, one) in enumerate(zip(models, options, strict=True))
    ]
    assert set(attention_points(table_of(rows))["label"]) == {
        "ReLU linear", "softmax, fused", "softmax, fused (flash)",
    }  # fmt: skip
    assert label_of("sdpa", True, "math") == "softmax, fused (math), multi-scale"


def test_exponents_and_crossover(runs):
    fits = attention_fits(runs).set_index("label")
    assert fits["exponent"]["ReLU linear"] == pytest.approx(1, abs=1e-6)
    assert fits["exponent"]["softmax"] == pytest.approx(2, abs=1e-6)
    assert fits["low"]["softmax"] < 2 < fits["high"]["softmax"]
    (crossing,) = attention_crossovers(runs)[lambda table: table["label"] == "softmax"].to_dict("records")
    assert crossing["tokens"] == pytest.approx(512, rel=1e-6)
    assert crossing["low"] < 512 < crossing["high"]
    assert crossing["text"].startswith("512 (")


def test_a_crossing_outside_the_sizes_is_said_to_lie_there(runs):
    slow = runs[~runs["model"].str.contains("n256")]
    (crossing,) = attention_crossovers(slow)[lambda table: table["label"] == "softmax"].to_dict("records")
    assert crossing["text"] == "≤ 1024"


def model_rows(*latencies):
    sizes = ((256, 512), (512, 1024), (1024, 2048))
    rows = []
    for size, (linear_ms, softmax_ms) in zip(sizes, latencies, strict=True):
        for model, latency_ms in (("b1-seg", linear_ms), ("b1-seg-softmax", softmax_ms)):
            rows.append(run_row(len(rows), model, size, latency_ms))
    return table_of(rows)


def test_whole_models_until_one_does_not_fit():
    runs = model_rows((10.0, 20.0), (40.0, 200.0), (160.0, None))
    found = whole_models(runs)
    assert found["height"].to_list() == [256, 512, 1024]
    assert found["ratio"].to_list()[:2] == pytest.approx([2, 5])
    assert found["softmax_fits"].to_list() == [True, True, False]
    assert memory_ends(found) == ["b1-seg-softmax does not fit above 512x1024 (tried 1024x2048) on local, litert"]


def test_another_failure_is_no_end_of_memory():
    runs = model_rows((10.0, 20.0), (40.0, None), (160.0, None))
    runs["failure_kind"] = runs["failure_kind"].replace("too-large", "runtime-failed")
    assert memory_ends(whole_models(runs)) == []
    assert len(whole_models(runs)) == 1


def test_tables_say_all_of_it(runs):
    text = attention_markdown(pd.concat([runs, model_rows((10.0, 20.0), (40.0, 200.0), (160.0, None))]))
    assert "does not fit" in text
    assert "MACs (+4.2%)" in text
    assert "nan" not in text
    assert "above 512x1024" in text
    titles = [title for title, _, _ in attention_sections(runs)]
    assert titles[0] == "local, litert 2.3.0, 1 thread, fp32, batch 1: module, heads of 16"


def test_every_latency_says_what_it_rests_on(runs):
    models = model_rows((10.0, 20.0), (40.0, 200.0), (160.0, None))
    sections = attention_sections(pd.concat([runs, models]))
    for title, header, rows in sections:
        latencies = [place for place, name in enumerate(header) if header[place + 1 : place + 2] == ("n",)]
        assert len(latencies) == (0 if "exponent" in title else 2), title
        for row in rows:
            for place in latencies:
                assert row[place + 1] == ("-" if row[place] == "does not fit" else "5 × 30")


def test_the_roofline_has_columns_only_where_it_is_known(runs):
    run_id = attention_ratios(runs)["run_id"].iloc[0]
    _, header, rows = attention_sections(runs, {run_id: 0.25})[0]
    assert header[-2:] == ("of the roofline", "linear: of the roofline")
    assert "25.0%" in {row[-2] for row in rows}
    assert "of the roofline" not in attention_sections(runs)[0][1]


def test_forms_stand_side_by_side_where_several_runtimes_were_measured(runs):
    older = runs.assign(runtime_version="2.14.0", device="old")
    # The older runtime's linear form takes twice as long, and it has nothing at 4,096 tokens.
    linear = older["model"].str.contains("relu-linear")
    for column in ("median_ms", "low_ms", "high_ms"):
        older[column] = older[column].where(~linear, older[column] * 2)
    older["round_medians_ms"] = [
        [value * 2 for value in medians] if is_linear else medians
        for medians, is_linear in zip(older["round_medians_ms"], linear, strict=True)
    ]
    older = older[older["height"] != 64]
    sections = {title: (header, rows) for title, header, rows in attention_sections(pd.concat([runs, older]))}
    title = "ReLU linear attention is so many times as fast as softmax, 8 heads of 16, module (1 thread, fp32, batch 1)"
    header, rows = sections[title]
    assert header == ("tokens", "equal", "local, litert 2.3.0", "old, litert 2.14.0")
    cells = {(tokens, equal): (here, there) for tokens, equal, here, there in rows}
    here, there = cells["1024", "shape"]
    assert here.startswith("2.00 [")
    assert there.startswith("1.00 [")
    assert cells["4096", "shape"][1] == "-"
    assert cells["16384", "shape"] == ("does not fit", "does not fit")
    assert not any(title.startswith("ReLU linear attention is") for title, _, _ in attention_sections(runs))


def test_foreign_text_is_no_markup(runs):
    text = attention_markdown(runs.assign(runtime_version="1|2\n<b>*x*"))
    assert "<b>" not in text
    assert "1\\|2 \\<b\\>\\*x\\*" in text


def test_no_runs_give_no_tables():
    nothing = table_of([])
    assert attention_markdown(nothing) == ""
    assert attention_ratios(nothing).empty
    assert whole_models(nothing).empty
    assert attention_ratios(table_of([run_row(1, "attn-no-such-form", (8, 8), 1.0)])).empty


def test_a_ratio_that_was_measured_as_a_pair_is_preferred_and_marked(runs):
    by_model = {row["model"]: row for row in rows_of(runs)}
    linear, softmax = (by_model[f"attn-{form}-module-h8-d16-n1024"] for form in ("relu-linear", "softmax"))
    known = PairedSpeedUp(2.25, 2.24, 2.26, "local/_pairs/x")
    paired = PairedRatios({(CaseKey.of_row(linear), CaseKey.of_row(softmax)): known})
    ratios = attention_ratios(runs, paired)
    (row,) = rows_of(ratios[ratios["paired"]])
    assert (row["label"], row["definition"], row["tokens"]) == ("softmax", "same shape", 1024)
    assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == (2.25, 2.24, 2.26)
    text = attention_markdown(runs, paired=paired)
    assert "2.25x†" in text
    assert "A ratio with † was measured as a pair" in text
    assert "†" not in attention_markdown(runs)


def test_what_keeps_rounds_apart_is_no_obstacle_to_a_pair(runs):
    """Its sides took turns: a kernel that was updated between the runs is nothing to it."""
    of_softmax = (runs["model"] == "attn-softmax-module-h8-d16-n1024").to_list()
    conditions = [json.dumps({"system": {"kernel": "new" if newer else "old"}}) for newer in of_softmax]
    runs = runs.assign(conditions=conditions)
    by_model = {row["model"]: row for row in rows_of(runs)}
    linear, softmax = (by_model[f"attn-{form}-module-h8-d16-n1024"] for form in ("relu-linear", "softmax"))
    known = PairedSpeedUp(2.25, 2.24, 2.26, "local/_pairs/x")
    paired = PairedRatios({(CaseKey.of_row(linear), CaseKey.of_row(softmax)): known})

    def found(*known: PairedRatios) -> dict[str, tuple[float | None, bool]]:
        table = attention_ratios(runs, *known)
        of_one = table[(table["label"] == "softmax") & (table["tokens"] == 1024)]
        return {row["definition"]: (row["ratio"], bool(row["obstacles"])) for row in rows_of(of_one)}

    assert found() == {"same shape": (None, True), "equal MACs": (None, True)}
    assert found(paired) == {"same shape": (2.25, False), "equal MACs": (None, True)}


def test_whole_models_prefer_pairs_too(runs):
    models = model_rows((10.0, 20.0), (40.0, 200.0), (160.0, None))
    by_model = {row["model"]: row for row in rows_of(models) if row["height"] == 256}
    linear, softmax = (CaseKey.of_row(by_model[name]) for name in ("b1-seg", "b1-seg-softmax"))
    paired = PairedRatios({(linear, softmax): PairedSpeedUp(2.1, 2.0, 2.2, "local/_pairs/x")})
    first, *others = rows_of(whole_models(models, paired))
    assert (first["height"], first["ratio"], first["paired"]) == (256, 2.1, True)
    assert not any(row["paired"] for row in others)
