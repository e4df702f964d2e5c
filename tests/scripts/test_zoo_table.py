"""The zoo's page: every model once, figures beside the published ones, every remark and source."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from latency_bench.harness.cli.model_check import CheckedModel
from latency_bench.model_specs import ModelSpec, list_specs
from latency_bench.model_specs.counting import Counts


@pytest.fixture(scope="module")
def zoo(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/zoo_table.py")


def checked(spec: ModelSpec, published: float | None = 40.0) -> CheckedModel:
    difference = None if published is None else 5.0
    return CheckedModel(spec.id, 42.0, published, difference, 0.4212, published, difference, ok=True, reason=None)


def test_every_model_has_one_line_in_a_table_as_wide_as_its_header(zoo: ModuleType) -> None:
    specs = list_specs()
    text = zoo.page([(spec, checked(spec)) for spec in specs])
    for spec in specs:
        (line,) = re.findall(rf"^\| `{re.escape(spec.id)}` \| .* \| (?:yes|no) \|$", text, flags=re.MULTILINE)
        assert line.count(" | ") == 8
        for remark in (spec.note, spec.deviation.macs, spec.deviation.params):
            assert remark is None or " ".join(remark.split()) in text
        assert spec.provenance.license in text
        assert " ".join(spec.provenance.paper.split()) in text


def test_figures_stand_beside_the_published_ones(zoo: ModuleType) -> None:
    (spec,) = (spec for spec in list_specs() if spec.id == "segnext-t")
    line = zoo.table([(spec, checked(spec))]).splitlines()[-1]
    assert line == (
        "| `segnext-t` | SegNeXt-T (Cityscapes) | 1024x2048 | 19 at 1/8 | 42 (40, +5.0 %) | 0.421 (40, +5.0 %) "
        "| Table 3 | 13 | yes |"
    )
    assert "| 42 | 0.421 |" in zoo.table([(spec, checked(spec, published=None))])


def test_a_family_with_one_source_has_one_line_and_parts_with_others_their_own(zoo: ModuleType) -> None:
    lines = zoo.sources(list_specs()).splitlines()
    assert sum(line.startswith("| segformer |") for line in lines) == 1
    assert any(line.startswith("| `mask2former-swin-t-ade20k` | Mask2Former") for line in lines)
    assert any(line.startswith("| `maskformer-swin-t-ade20k` | MaskFormer") for line in lines)


def test_a_page_out_of_date_is_an_error_that_says_what_to_do(
    zoo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = list_specs()[0]
    monkeypatch.setattr(zoo, "PAGE", tmp_path / "zoo.md")
    monkeypatch.setattr(zoo, "COUNTS", tmp_path / "counts.csv")
    monkeypatch.setattr(zoo, "list_specs", lambda: (spec,))
    monkeypatch.setattr(zoo, "count", lambda spec: Counts(params=40_000_000, macs=421_200_000))
    assert zoo.main(["--check"]) == 1
    assert zoo.main([]) == 0
    assert zoo.main(["--check"]) == 0
    assert (tmp_path / "counts.csv").read_text() == f"id,params,macs\n{spec.id},40000000,421200000\n"
    monkeypatch.setattr(zoo, "count", lambda spec: Counts(params=40_000_000, macs=421_200_001))
    assert zoo.main(["--check"]) == 1, "the page prints three digits, the counts all"
    said = capsys.readouterr().err
    assert "counts.csv is not what the specs say; run `python scripts/zoo_table.py`" in said
    assert "zoo.md" not in said.splitlines()[-1]
