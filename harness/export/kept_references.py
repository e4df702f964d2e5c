"""References that an earlier export computed: the same module on the same inputs, whatever format the file has.

<cache>/references/<key>/    kept.json (hashes of the files, checks, facts), reference.npz, reference-natural.npz, ...

The module runs six times for its references, twice of them in float64, which is most of the time of a large network's
export; its file for another runtime needs none of that again.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.export.inputs import NOISE
from latency_bench.harness.export.key import cache_key, sha256_of
from latency_bench.harness.export.reference import seeded_inputs
from latency_bench.harness.export.references import REFERENCE, References, write_references

if TYPE_CHECKING:
    import torch

    from latency_bench.harness.export.options import ExportOptions
    from latency_bench.model_specs.spec import ModelSpec

FOLDER = "references"
_KEPT = "kept.json"


class KeptReferences:
    """One entry of the cache, for a module and its inputs. `document` is everything that the references depend on."""

    def __init__(self, cache: Path, document: dict[str, Any]) -> None:
        self._partial = cache / "partial"
        self._entry = cache / FOLDER / cache_key(document)

    def copy_to(self, directory: Path, spec: ModelSpec, options: ExportOptions) -> References | None:
        """The references, their files copied into `directory`; None where none are kept, or not whole."""
        try:
            kept = json.loads((self._entry / _KEPT).read_text(encoding="utf-8"))
            for name, digest in kept["files"].items():
                if Path(name).name != name or sha256_of(self._entry / name) != digest:
                    return None
                shutil.copyfile(self._entry / name, directory / name)
            outputs = _tensors(directory / REFERENCE)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        with contextlib.suppress(OSError):  # a cache that is read-only still serves
            (self._entry / _KEPT).touch()
        return References(
            inputs=seeded_inputs(spec, options.batch, options.input_seed, NOISE),
            outputs=outputs,
            checks=kept["checks"],
            check_image=kept["check_image"],
            facts=kept["facts"],
        )

    def keep(self, references: References, directory: Path) -> None:
        """Copy what was computed into `directory` into the cache. What cannot be kept is computed again next time."""
        image = [] if references.check_image is None else [references.check_image]
        names = [REFERENCE, *references.checks.values(), *image]
        document = {
            "files": {name: sha256_of(directory / name) for name in names},
            "checks": references.checks,
            "check_image": references.check_image,
            "facts": references.facts,
        }
        with contextlib.suppress(OSError):
            self._entry.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryFolder("references", self._partial) as folder:
                for name in names:
                    shutil.copyfile(directory / name, folder / name)
                (folder / _KEPT).write_text(json.dumps(document), encoding="utf-8")
                if self._entry.exists():  # damaged: it was not taken
                    shutil.rmtree(self._entry)
                folder.rename(self._entry)


def references_of(
    module: torch.nn.Module,
    spec: ModelSpec,
    options: ExportOptions,
    directory: Path,
    single_bytes: int,
    kept: KeptReferences,
    stage: Callable[[str], None],
) -> References:
    """As `write_references`, which is only called where no earlier export has computed the same."""
    stage("looking for the reference output of an earlier export")
    found = kept.copy_to(directory, spec, options)
    if found is not None:
        return found
    stage("computing the reference output")
    references = write_references(module, spec, options, directory, single_bytes)
    kept.keep(references, directory)
    return references


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    import numpy as np
    import torch

    with np.load(path, allow_pickle=False) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}
