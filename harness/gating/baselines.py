"""Files kept as baselines: <folder>/<name>.json, and <folder>/files/<content hash>/ with the file itself.

A folder of them is all that a CI job has to cache. The content is checked whenever a baseline is used. What is on its
way lies in a temporary folder beside them; one whose process was killed goes with the next command that keeps, lists or
removes baselines.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench_worker.files import file_sha256
from latency_bench.devices.temporary_folder import TemporaryFolder, remove_left_overs
from latency_bench.harness.case_options import CaseOptions
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.errors import StoreError
from latency_bench.harness.store.layout import checked_name, is_name

if TYPE_CHECKING:
    from latency_bench.harness.export import Artifact

FOLDER = ".baselines"
"""In a store; a name with a leading dot is no device."""
_FILES = "files"
_MOST_BYTES = 1 << 16
"""Of the description."""


class Baseline(BaseModel):
    """One kept file, and how it is measured where the command does not say otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    origin: str = Field(max_length=1000)
    """What was kept, in the words of the command."""
    kept_at: datetime
    format: str = Field(min_length=1, max_length=80)
    file: str
    """The model's own file, of `sha256_by_file`; the others lie beside it."""
    sha256_by_file: dict[str, str]
    size_bytes: int = Field(ge=0)
    runtime: str
    precision: str = "fp32"
    threads: int = Field(ge=1)
    runtime_options: dict[str, Any] = Field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    dimensions: dict[str, int] = Field(default_factory=dict)
    """Sizes that the file leaves open, as `bench run` takes them."""
    batch: int | None = Field(default=None, ge=1)
    """Of a file that leaves it open."""

    @property
    def content(self) -> str:
        """Hash of all files and their names: the folder that they lie in."""
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.sha256_by_file.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def options(self, folder: Path, common: Mapping[str, Any], of_files: Mapping[str, Any]) -> CaseOptions:
        """As a side that is measured; `of_files` are fields of CaseOptions for files, which count before its own.

        Raises UsageError where a file is not what was kept.
        """
        place = folder / _FILES / self.content
        for name, digest in self.sha256_by_file.items():
            if not (place / name).is_file() or file_sha256(str(place / name)) != digest:
                raise UsageError(f"baseline {self.name}: {place / name} is not the file that was kept; keep it again")
        fields = {
            "file": (place / self.file, self.format),
            "runtime": self.runtime,
            "precision": self.precision,
            "threads": self.threads,
            "runtime_options": self.runtime_options,
            "batch": common.get("batch") or self.batch,
            "shapes": self.shapes,
            "dimensions": self.dimensions,
        }
        return CaseOptions(**{**common, **fields, **of_files})


def keep_baseline(
    folder: Path,
    name: str,
    origin: str,
    artifact: Artifact,
    *,
    model: str,
    runtime: str,
    precision: str,
    threads: int,
    runtime_options: Mapping[str, Any],
    open_sizes: Mapping[str, Any],
) -> Baseline:
    """Copy a file and what lies beside it, and describe it under `name`; one of the same name is replaced.

    `model` names the copy; `open_sizes` are `shapes`, `dimensions` and `batch` of a file that leaves sizes open.
    Raises InvalidNameError, UsageError for files whose names cannot be kept.
    """
    checked_name(name, "baseline")
    own = f"{model}{artifact.path.suffix}"
    sources = {own: artifact.path, **{path.name: path for path in artifact.external_data}}
    bad = next((one for one in sources if not is_name(one)), None)
    if bad is not None or len(sources) != 1 + len(artifact.external_data):
        raise UsageError(f"{bad or own!r} cannot be a file's name in a baseline: use A-Z a-z 0-9 . _ -")
    kept = Baseline(
        name=name,
        origin=origin[:1000],
        kept_at=datetime.now(timezone.utc).replace(microsecond=0),
        format=artifact.format,
        file=own,
        sha256_by_file={one: file_sha256(str(path)) for one, path in sources.items()},
        size_bytes=sum(path.stat().st_size for path in sources.values()),
        runtime=runtime,
        precision=precision,
        threads=threads,
        runtime_options=dict(runtime_options),
        **open_sizes,
    )
    _put(folder, kept, sources)
    return kept


def find_baseline(folder: Path, name: str) -> Baseline | None:
    """None where none of this name is kept. Raises UsageError for a description that is none."""
    if not is_name(name) or not (folder / f"{name}.json").is_file():
        return None
    path = folder / f"{name}.json"
    with path.open("rb") as file:
        text = file.read(_MOST_BYTES + 1)
    try:
        kept = Baseline.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        words = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UsageError(f"{path}: does not describe a baseline ({words}); keep it again") from None
    names_are_safe = all(is_name(one) for one in kept.sha256_by_file) and kept.file in kept.sha256_by_file
    if len(text) > _MOST_BYTES or kept.name != name or not names_are_safe:
        raise UsageError(f"{path}: does not describe the baseline {name}; keep it again")
    return kept


def list_baselines(folder: Path) -> list[Baseline]:
    """By name. Raises UsageError for a description that is none."""
    remove_left_overs(folder)
    names = sorted(path.stem for path in folder.glob("*.json"))
    return [kept for name in names if (kept := find_baseline(folder, name)) is not None]


def remove_baseline(folder: Path, name: str) -> None:
    """With its files, where no other baseline has the same ones. Raises UsageError where there is none."""
    kept = find_baseline(folder, name)
    if kept is None:
        raise UsageError(f"no baseline {name!r} is kept in {folder}; `bench baseline ls` lists them")
    (folder / f"{name}.json").unlink()
    if all(other.content != kept.content for other in list_baselines(folder)):
        shutil.rmtree(folder / _FILES / kept.content, ignore_errors=True)


def _put(folder: Path, kept: Baseline, sources: Mapping[str, Path]) -> None:
    """The files under their names, then the description: each is whole before it is moved to its place."""
    place = folder / _FILES / kept.content
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFolder("keep", folder) as partial:
            files, description = partial / _FILES, partial / "description"
            files.mkdir()
            for name, path in sources.items():
                shutil.copyfile(path, files / name)
            description.write_text(kept.model_dump_json(indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            files.rename(place)
            description.replace(folder / f"{kept.name}.json")
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror or error}; choose another place") from error
