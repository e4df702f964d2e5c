"""`bench papers new`: from a CSV file to a folder that can be reported on at once, and be completed afterwards."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.reports.papers.csv_file import CsvFile, as_number, read_csv
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.papers.paper import Paper
from latency_bench.reports.papers.reading import FILE, read_paper

_TABLE = "table1.csv"
_DEVICE = "device"
_NAMES = ("model", "name", "network", "architecture", "backbone", "method")
_LIBRARY_COLUMNS = {"timm_name": "timm:", "torchvision_name": "torchvision:", "model_id": ""}
_QUANTITIES: tuple[tuple[str, dict[str, str]], ...] = (
    (r"us$|microseconds", {"quantity": "latency", "unit": "us"}),
    (r"(^|[^a-z])ms($|[^a-z])|latency|millisec", {"quantity": "latency"}),
    (r"fps|img.*s$|images.*s$|throughput", {"quantity": "throughput"}),
    (r"param", {"quantity": "params"}),
    (r"(macs|flops|madds).*_m$|^m(macs|flops|madds)", {"quantity": "macs", "unit": "M"}),
    (r"macs|flops|madds", {"quantity": "macs"}),
    (r"top.?1|acc(uracy)?$", {"quantity": "accuracy", "dataset": "ImageNet", "metric": "top-1 accuracy, %"}),
    (r"miou", {"quantity": "accuracy", "dataset": "not named yet", "metric": "mIoU, %"}),
)
"""What a column seems to be, by its header; the first that fits."""
_HEAD = """# What the columns are was guessed from their headers: correct it. docs/papers.md explains every field.
# `models` names a model of `bench models ls`, or timm:NAME, for each row; `absent` says why a row has none.
"""


def begin_paper(folder: Path, csv_file: Path, title: str | None, device: str | None) -> Iterator[str]:
    """Make the folder, whole or not at all; yields what was made of the file, line by line. Raises PaperError."""
    if folder.exists() or folder.is_symlink():
        raise PaperError(f"{folder} is there already; choose another name")
    printed = read_csv(csv_file.parent, csv_file.name)
    if not printed.rows:
        raise PaperError(f"{csv_file} has a header but no rows; write one for each model")
    names = _plain_names(printed)
    document = _document(printed, names, title or folder.name, device)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFolder("paper", folder.parent) as made:
        try:
            (made / _TABLE).write_text(_csv_text(printed, names), encoding="utf-8")
            (made / FILE).write_text(_HEAD + _yaml_text(document), encoding="utf-8")
            paper = read_paper(folder.name, made)
            made.chmod(0o755)
            os.rename(made, folder)
        except (OSError, PaperError) as error:
            raise PaperError(str(error).replace(f"{made}/", "")) from None
    yield from _told(paper, folder)


def _told(paper: Paper, folder: Path) -> Iterator[str]:
    (table,) = paper.tables
    named = [row.name for row in table.rows if any(part.model_of(row) for part in table.parts)]
    yield f"{folder / FILE}: {len(table.rows)} rows, {len(named)} with a model here"
    for column in table.columns:
        yield f"  {column.title}: {column.quantity or 'shown as it is'}"
    yield f"next: bench papers check {folder if folder.is_absolute() else f'./{folder}'}"


def _plain_names(printed: CsvFile) -> dict[str, str]:
    """By header, a name of letters, digits and _; the rows' names are `model`, their sizes `resolution`."""
    plain: dict[str, str] = {}
    for header in printed.columns:
        name = re.sub(r"\W+", "_", header, flags=re.ASCII).strip("_").lower()[:60] or "column"
        name = name if not name[0].isdigit() else f"_{name}"
        while name in plain.values():
            name += "_"
        plain[header] = name
    taken = {name: header for header, name in plain.items()}
    model = next((taken[name] for name in _NAMES if name in taken), printed.columns[0])
    plain = {header: f"{name}_" if name == "model" and header != model else name for header, name in plain.items()}
    plain[model] = "model"
    size = next((taken[name] for name in ("resolution", "input", "input_size") if name in taken), None)
    return plain if size in (None, model) else {**plain, str(size): "resolution"}


def _document(printed: CsvFile, names: dict[str, str], title: str, device: str | None) -> dict[str, Any]:
    library = next((name for name in names.values() if name in _LIBRARY_COLUMNS), None)
    columns = [
        _column(printed, header, name)
        for header, name in names.items()
        if name != "model" and name != library and any(row.cells[header].strip() for row in printed.rows)
    ]
    table: dict[str, Any] = {"id": 1, "title": title, "file": _TABLE, "columns": columns or [_column_of_names()]}
    if library is not None:
        table |= {"model_column": library, "model_prefix": _LIBRARY_COLUMNS[library]}
    else:
        header = next(header for header, name in names.items() if name == "model")
        texts = [row.cells[header] for row in printed.rows]
        table["models"] = _known_models(texts)
    table["absent"] = {"*": "not looked for yet"}
    document: dict[str, Any] = {"title": title, "reference": "to be named"}
    if any(column.get("device") for column in columns):
        document["devices"] = {_DEVICE: {"title": device or "not named yet", "kind": _kind(device or "")}}
    return {**document, "tables": [table]}


def _column(printed: CsvFile, header: str, name: str) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "title": header.strip() or name}
    cells = [row.cells[header] for row in printed.rows]
    if name == "resolution" or not all(map(_is_positive, cells)):
        return column
    fits = next((meaning for pattern, meaning in _QUANTITIES if re.search(pattern, name)), {})
    column |= fits
    if column.get("quantity") in ("latency", "throughput"):
        column["device"] = _DEVICE
    return column


def _column_of_names() -> dict[str, Any]:
    return {"name": "model", "title": "printed name"}


def _is_positive(text: str) -> bool:
    try:
        value = as_number(text)
    except ValueError:
        return False
    return value is None or value > 0


def _kind(device: str) -> str:
    words = {
        "phone": "phone|pixel|galaxy|snapdragon",
        "board": "jetson|orin|raspberry",
        "gpu": r"a100|v100|rtx|gpu|h100",
    }
    return next((kind for kind, marks in words.items() if re.search(marks, device.lower())), "other")


def _known_models(names: Sequence[str]) -> dict[str, str]:
    """The rows whose names are those of models: of the catalog by id or title, else of timm, where it is installed."""
    from latency_bench.model_specs.catalog import list_specs

    ours = {text.lower(): spec.id for spec in list_specs() for text in (spec.title, spec.id)}
    is_timm = _timm_models()
    found = {}
    for name in dict.fromkeys(names):
        plain = re.sub(r"[\s-]+", "_", name.strip().lower())
        if name.strip().lower() in ours:
            found[name] = ours[name.strip().lower()]
        elif is_timm(plain):
            found[name] = f"timm:{plain}"
    return found if len(set(names)) == len(names) else {}


def _timm_models() -> Callable[[str], bool]:
    if find_spec("timm") is None:
        return lambda name: False
    from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision

    prepare_torchvision()
    import timm

    return lambda name: bool(timm.is_model(name))


def _csv_text(printed: CsvFile, names: dict[str, str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names.values())
    writer.writerows([row.cells[header] for header in names] for row in printed.rows)
    return out.getvalue()


def _yaml_text(document: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return text
