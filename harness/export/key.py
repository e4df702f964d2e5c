"""The name of an export in the cache: a hash of everything that can change its result. Imports no heavy package."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.export.options import ExportOptions
from latency_bench.harness.export.sources import hash_sources

if TYPE_CHECKING:
    from latency_bench.harness.export.format import Format
    from latency_bench.harness.export.quantiser import Quantiser
    from latency_bench.model_specs.spec import ModelSpec

LAYOUT_VERSION = 1
"""Of a cache entry; a new one makes every older entry unreachable."""

REGISTRY = frozenset({"latency_bench.model_specs.architectures"})
"""Lists all builders: a new family would make every artifact stale. The builder found in it is in the key itself."""


def key_document(spec: ModelSpec, format: str, options: ExportOptions) -> dict[str, Any]:
    """Everything the result depends on, as canonical JSON values. Raises ExportError, SpecError for no such builder."""
    target = find_format(format)
    quantiser = target.quantiser(options)
    makers: list[Format | Quantiser] = [target] if quantiser is None else [target, quantiser]
    sources = ("latency_bench.harness.export.convert", *(type(maker).__module__ for maker in makers))
    own, _ = hash_sources(["latency_bench.model_specs.building", "bench_worker.inputs", *sources], leave_out=REGISTRY)
    builder, package = locate_builder(spec.builder)
    theirs, foreign = hash_builder(spec.builder)
    packages = {name for maker in makers for name in maker.distributions}
    names = {*packages, "numpy", *foreign, *([package] if package else [])}
    return {
        "layout": LAYOUT_VERSION,
        "format": format,
        "spec": what_is_exported(spec),
        "builder": builder,
        "options": {
            "batch": options.batch,
            "precision": options.precision,
            **({} if options.output == "logits" else {"output": options.output}),
            "opset": (options.opset or spec.onnx_opset) if target.has_opset else None,
            "seed": options.seed if options.weights is None else None,
            "input_seed": options.input_seed,
            "weights_sha256": hash_brought(options.weights),
            **({} if options.check_image is None else {"check_image_sha256": hash_brought(options.check_image)}),
            **({} if options.calibration is None else {"calibration_sha256": hash_brought(options.calibration)}),
            **({} if quantiser is None else {"quantiser": quantiser.name}),
        },
        "sources": {"export": own, "builder": theirs},
        "versions": {name: found for name in sorted(names) if (found := installed_version(name))},
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def reference_document(spec: ModelSpec, options: ExportOptions, overrides: Mapping[str, str]) -> dict[str, Any]:
    """Everything that a module's references depend on, as canonical JSON values: not the format, but what the format
    changes in the module (`overrides` of its builder's arguments). Raises as `key_document`."""
    computing = ("latency_bench.harness.export.references", "latency_bench.model_specs.building", "bench_worker.inputs")
    own, _ = hash_sources(computing, leave_out=REGISTRY)
    builder, package = locate_builder(spec.builder)
    theirs, foreign = hash_builder(spec.builder)
    names = {"torch", "numpy", *foreign, *([package] if package else [])}
    return {
        "layout": LAYOUT_VERSION,
        "spec": what_is_exported(spec),
        "overrides": dict(overrides),
        "builder": builder,
        "output": options.output,
        "batch": options.batch,
        "seed": options.seed if options.weights is None else None,
        "input_seed": options.input_seed,
        "weights_sha256": hash_brought(options.weights),
        "check_image_sha256": hash_brought(options.check_image),
        "sources": {"references": own, "builder": theirs},
        "versions": {name: found for name in sorted(names) if (found := installed_version(name))},
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def cache_key(document: dict[str, Any]) -> str:
    """SHA-256 in hexadecimal of the document in canonical JSON."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def what_is_exported(spec: ModelSpec) -> dict[str, Any]:
    """The fields of a spec that shape the artifact; a reworded title or note does not make it stale."""
    document = spec.model_dump(mode="json", include={"id", "builder", "inputs", "outputs"})
    return {**document, "arguments": spec.build_arguments()}


def hash_builder(name: str) -> tuple[str, frozenset[str]]:
    """SHA-256 of a builder's sources, and the packages that they import. Raises ExportError, SpecError."""
    from latency_bench.model_specs.user_builders import data_files, is_user_builder, require_registered

    if is_user_builder(name):
        user = require_registered(name)
        if user.is_program:
            return sha256_of(user.file), frozenset({"torch"})
        sources_sha256, foreign = hash_sources([user.module], root=user.root)
        return _with_data(sources_sha256, user.root, data_files(name)), foreign
    return hash_sources([locate_builder(name)[0].partition(":")[0]], leave_out=REGISTRY)


def _with_data(sources_sha256: str, root: Path, files: Sequence[Path]) -> str:
    """The hash of sources and of what they read beside them; that of the sources where they read nothing."""
    if not files:
        return sources_sha256
    places = [file.relative_to(root.resolve()) for file in files]
    lines = [sources_sha256, *(f"{hash_brought(file)}  {place}" for file, place in zip(files, places, strict=True))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def locate_builder(name: str) -> tuple[str, str | None]:
    """(`module:function`, distribution of a third party or None) of a registered builder, without importing it."""
    from latency_bench.model_specs.architectures import BUILDERS
    from latency_bench.model_specs.errors import SpecError
    from latency_bench.model_specs.user_builders import is_user_builder, require_registered

    if is_user_builder(name):
        return require_registered(name).label, None
    if name in BUILDERS:
        return BUILDERS[name], None
    entry: EntryPoint
    for entry in entry_points(group="bench.builders", name=name):
        return entry.value, entry.dist.name if entry.dist else None
    raise SpecError(f"there is no builder called {name!r}; the builders are {', '.join(sorted(BUILDERS))}")


def installed_version(distribution: str) -> str | None:
    """None where it is no distribution (the standard library) or not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def hash_brought(file: Path | None) -> str | None:
    """SHA-256 of a file that was brought. Raises ExportError where it cannot be read."""
    if file is None:
        return None
    try:
        return sha256_of(file)
    except OSError as error:
        raise ExportError(f"cannot read {file}: {error.strerror or error}") from error


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
