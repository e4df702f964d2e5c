"""export_artifact: from a spec to a file that a runtime loads, made once."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.artifact import Artifact
from latency_bench.harness.export.cache import ArtifactCache
from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.export.key import cache_key, key_document, sha256_of
from latency_bench.harness.export.options import ExportOptions
from latency_bench.harness.export.time_left import ExportClock, earlier_exports
from latency_bench.harness.units import duration

if TYPE_CHECKING:
    from latency_bench.model_specs.spec import ModelSpec


def print_progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def export_artifact(
    spec: ModelSpec,
    format: str,
    options: ExportOptions | None = None,
    cache: ArtifactCache | Path | str | None = None,
    progress: Callable[[str], None] = print_progress,
) -> Artifact:
    """The artifact of this spec, from the cache or made now.

    `cache` is a cache, its directory, or None for BENCH_CACHE and then the user's cache directory. `progress` gets one
    line a stage. With a warm cache nothing is converted and torch is not imported.

    Raises ExportError (or its ExportOutOfMemoryError) where the conversion fails, CacheError where the directory cannot
    be used, SpecError for an unknown builder. Warns BrokenCacheEntryWarning where a damaged entry had to be made again.
    """
    options = options or ExportOptions()
    check_request(spec, format, options)
    store = cache if isinstance(cache, ArtifactCache) else ArtifactCache(cache)
    document = key_document(spec, format, options)
    key = cache_key(document)
    if found := store.find(key):
        return found

    what = f"{spec.id} to {format}"
    with store.lock(key, on_wait=lambda: progress(f"another process is exporting {what}; waiting for it")):
        if found := store.find(key):
            return found
        clock = ExportClock(earlier_exports((manifest for _, manifest in store.manifests()), spec, format))

        def on_stage(stage: str) -> None:
            left_s = clock.begin(stage)
            left = "" if left_s is None else f", about {duration(left_s)} left"
            progress(f"exporting {what}{left}: {stage}")

        with store.writing() as directory:
            return make(spec, format, options, store, key, document, directory, on_stage, clock)


def make(
    spec: ModelSpec,
    format: str,
    options: ExportOptions,
    store: ArtifactCache,
    key: str,
    document: dict[str, Any],
    directory: Path,
    progress: Callable[[str], None],
    clock: ExportClock,
) -> Artifact:
    """Convert in `directory` and commit it to the store under `key`."""
    from latency_bench.harness.export.process import LOG, run_conversion

    files = {
        "weights": options.weights,
        "check_image": options.check_image,
        "calibration": options.calibration,
    }
    paths = {name: None if file is None else str(file.absolute()) for name, file in files.items()}
    request = {
        "key": key,
        "cache": str(store.directory),
        "spec": spec.model_dump(mode="json"),
        "format": format,
        "options": {**dataclasses.asdict(options), **paths},
        "user_builder": describe_user_builder(spec.builder),
    }
    try:
        artifact = run_conversion(request, directory, progress)
    except ExportError as error:
        reason = str(error)
        for folder in {file.parent for file in files.values() if file is not None}:
            # Files are read from the cache, under the names that they came with.
            reason = reason.replace(f"{folder.absolute()}{os.sep}", "")
        if log := store.keep_log(key, directory / LOG):
            raise type(error)(f"{spec.id} to {format}: {reason}\nWhat the converter printed is in {log}") from error
        raise
    artifact["sha256"] = sha256_of(directory / artifact["path"])
    artifact["facts"]["versions"] = document["versions"]
    return store.commit(key, directory, artifact, document, clock.complete())


def describe_user_builder(name: str) -> dict[str, Any] | None:
    """What the process of the conversion has to register; None for a builder that it finds by itself."""
    from latency_bench.model_specs.user_builders import data_files, registered

    builder = registered(name)
    if builder is None:
        return None
    return {"label": builder.label, "file": str(builder.file), "data_files": [str(file) for file in data_files(name)]}


def check_request(spec: ModelSpec, format: str, options: ExportOptions) -> None:
    """Refuse early, before anything heavy runs, what cannot work. Raises ExportError."""
    find_format(format).check(spec, options)
    if options.output != "logits" and spec.task != "segmentation":
        raise ExportError(
            f"{spec.id} is not a segmentation network, so {options.output!r} cannot be its output; leave it out"
        )
