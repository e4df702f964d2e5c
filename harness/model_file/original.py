"""What a file was converted from, as `--original` names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from latency_bench.harness.errors import UsageError


@dataclass(frozen=True)
class Original:
    """What a file is held to, in the words of the user: a file with its format, or else a model's id."""

    text: str
    file: tuple[Path, str] | None


def original_named(text: str) -> Original:
    """A file by its ending, or a model of the catalog. Raises UsageError, UnknownModelError, MissingPackagesError."""
    from latency_bench.harness.export.formats import find_format, format_of_file
    from latency_bench.harness.installation.requirements import require
    from latency_bench.model_specs import load_spec

    format_ = format_of_file(Path(text))
    if format_ is None:
        require([*find_format("onnx").modules, *load_spec(text).requires, "onnxruntime"])
        return Original(text, None)
    if not Path(text).is_file():
        raise UsageError(f"--original {text}: there is no such file")
    require([*find_format(format_).reading_modules])
    return Original(text, (Path(text), format_))
