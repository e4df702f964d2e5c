"""The catalog: ours and third parties' families, unknown ids, ids taken twice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from latency_bench.model_specs import SpecError, UnknownModelError, catalog, list_specs, load_spec

FAMILY = """\
family: {family}
task: generic
provenance: {{paper: none, code: own, license: MIT}}
models:
  - id: {model}
    title: Something
    builder: somebody.net
    inputs: [{{name: x, shape: [4]}}]
    outputs: [{{name: y}}]
"""

PROMISED_IDS = {
    *(f"{size}-seg" for size in ("b0", "b1", "b2", "b3", "l1", "l2")),
    *(f"{size}-seg-ade20k" for size in ("b1", "b2", "b3", "l1", "l2")),
    *(f"{size}-seg-softmax" for size in ("b0", "b1", "b2", "b3", "l1", "l2")),
    *(f"{size}-cls-r{side}" for size in ("b1", "b2", "b3") for side in (224, 256, 288)),
    *(f"l2-cls-r{side}" for side in (224, 256, 288, 320, 384)),
    "l1-cls-r224",
    *(f"sr-w{width}-{data}" for width in ("0.75", "1.0") for data in ("ffhq", "bsd100")),
    *(f"sam-{size}" for size in ("l0", "l1", "l2", "xl0", "xl1")),
}


@pytest.fixture
def fresh_catalog() -> Iterator[None]:
    catalog.forget()
    yield
    catalog.forget()


@pytest.fixture
def foreign_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_catalog: None) -> Path:
    """An installed package that adds families: an importable folder, and the entry point that names it."""
    package = tmp_path / "somebodys_models"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    entry = EntryPoint(name="somebody", value=package.name, group=catalog.ENTRY_POINT_GROUP)
    monkeypatch.setattr(catalog, "entry_points", lambda group: [entry] if group == catalog.ENTRY_POINT_GROUP else [])
    return package


def test_every_promised_model_is_there_and_ids_are_unique() -> None:
    ids = [spec.id for spec in list_specs()]
    assert set(ids) >= PROMISED_IDS
    assert len(ids) == len(set(ids))


def test_resolutions_of_the_paper() -> None:
    assert load_spec("b1-seg").resolution == (1024, 2048)
    assert load_spec("b1-seg-ade20k").resolution == (512, 512)
    assert load_spec("l2-cls-r384").resolution == (384, 384)
    assert load_spec("sr-w1.0-bsd100").resolution == (160, 240)
    assert load_spec("sam-xl1").resolution == (1024, 1024)


def test_super_resolution_is_called_our_design() -> None:
    for spec in list_specs():
        if spec.family == "efficientvit-sr":
            assert spec.provenance.design == "ours"
            assert "our design" in spec.title


def test_an_unknown_model_comes_with_the_nearest_names() -> None:
    with pytest.raises(UnknownModelError, match="b1-seg") as caught:
        load_spec("b1-sge")
    assert "b1-sge" in str(caught.value)


def test_a_name_that_resembles_nothing_says_how_to_list_them() -> None:
    with pytest.raises(UnknownModelError, match="bench models ls"):
        load_spec("@@@@")


def test_a_foreign_family_is_in_the_catalog(foreign_package: Path) -> None:
    (foreign_package / "toys.yaml").write_text(FAMILY.format(family="toys", model="toy-a"))
    assert load_spec("toy-a").family == "toys"
    assert "b1-seg" in {spec.id for spec in list_specs()}


def test_an_id_that_is_taken_names_both_places(foreign_package: Path) -> None:
    (foreign_package / "toys.yaml").write_text(FAMILY.format(family="toys", model="b1-seg"))
    with pytest.raises(SpecError, match=r"toys.yaml:5: model id 'b1-seg' is taken by .*efficientvit-seg.yaml:\d+"):
        load_spec("b0-seg")


def test_a_wrong_foreign_model_does_not_stand_in_the_way_of_others(foreign_package: Path) -> None:
    (foreign_package / "toys.yaml").write_text(FAMILY.format(family="toys", model="toy-a").replace("title", "titel"))
    assert load_spec("b1-seg").id == "b1-seg"
    with pytest.raises(SpecError, match=r"toys.yaml:6: unknown field 'titel'"):
        load_spec("toy-a")


def test_an_entry_point_without_families_says_whose_it_is(foreign_package: Path) -> None:
    with pytest.raises(SpecError, match=r"entry point 'somebody' .*no \*\.yaml"):
        load_spec("b1-seg")


def test_an_entry_point_that_cannot_be_imported_says_whose_it_is(foreign_package: Path) -> None:
    (foreign_package / "__init__.py").write_text("raise RuntimeError('half installed')")
    with pytest.raises(SpecError, match=r"entry point 'somebody' .*half installed"):
        load_spec("b1-seg")
