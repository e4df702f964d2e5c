"""What changes the name of an export, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.harness.export import ExportOptions, key
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.key import cache_key, key_document
from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.spec import ModelSpec

MakeSpec = Callable[..., ModelSpec]


def key_of(spec: ModelSpec, format: str = "onnx", options: ExportOptions | None = None) -> str:
    return cache_key(key_document(spec, format, options or ExportOptions()))


def test_everything_that_can_change_the_result_changes_the_key(
    tiny_spec: MakeSpec, tiny_package: Path, tmp_path: Path
) -> None:
    weights = [tmp_path / "a.pt", tmp_path / "b.pt"]
    for number, path in enumerate(weights):
        path.write_bytes(bytes([number]))
    spec = tiny_spec()
    keys = [
        key_of(spec),
        key_of(spec, "pt2"),
        key_of(spec, "tflite"),
        key_of(tiny_spec(channels=5)),
        key_of(spec.at((16, 8))),
        key_of(spec.model_copy(update={"id": "other"})),
        key_of(spec, options=ExportOptions(batch=2)),
        key_of(spec, options=ExportOptions(precision="fp16")),
        key_of(spec, options=ExportOptions(opset=17)),
        key_of(spec, options=ExportOptions(seed=1)),
        key_of(spec, options=ExportOptions(input_seed=1)),
        *(key_of(spec, options=ExportOptions(weights=path)) for path in weights),
    ]
    (tiny_package / "tiny_models.py").write_text((tiny_package / "tiny_models.py").read_text() + "\n# changed\n")
    keys.append(key_of(spec))
    (tiny_package / "tiny_models-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tiny-models\nVersion: 1.1\n"
    )
    keys.append(key_of(spec))
    assert len(set(keys)) == len(keys)


def test_words_about_a_model_do_not_change_the_key(tiny_spec: MakeSpec) -> None:
    spec = tiny_spec()
    assert key_of(spec.model_copy(update={"title": "Tinier", "note": "reworded"})) == key_of(spec)


def test_the_default_opset_and_the_same_one_asked_for_are_one_export(tiny_spec: MakeSpec) -> None:
    assert key_of(tiny_spec(), options=ExportOptions(opset=13)) == key_of(tiny_spec())


def test_the_seed_of_weights_that_are_loaded_does_not_matter(tiny_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"x")
    options = [ExportOptions(weights=tmp_path / "a.pt", seed=seed) for seed in (0, 1)]
    assert key_of(tiny_spec(), options=options[0]) == key_of(tiny_spec(), options=options[1])


@pytest.mark.parametrize(
    ("format", "package"), [("onnx", "onnxslim"), ("tflite", "litert-torch"), ("tflite", "litert-converter")]
)
def test_another_version_of_a_converter_is_another_export(
    tiny_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, format: str, package: str
) -> None:
    before = key_of(tiny_spec(), format), key_of(tiny_spec(), "pt2")
    real = key.installed_version
    monkeypatch.setattr(key, "installed_version", lambda name: "99" if name == package else real(name))
    assert key_of(tiny_spec(), format) != before[0]
    assert key_of(tiny_spec(), "pt2") == before[1]


def test_a_new_family_leaves_other_exports_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from latency_bench.harness.export.sources import hash_sources

    assert (
        hash_sources(["latency_bench.model_specs.building"], leave_out=key.REGISTRY)[0]
        != hash_sources(["latency_bench.model_specs.building"])[0]
    )


def test_missing_weights_and_builders_are_named(tiny_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"none\.pt"):
        key_of(tiny_spec(), options=ExportOptions(weights=tmp_path / "none.pt"))
    with pytest.raises(SpecError, match=r"tiny\.nothing"):
        key_of(tiny_spec("nothing"))
