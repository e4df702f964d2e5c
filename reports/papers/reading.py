"""From a folder to a Paper. Every complaint names file, line and field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from latency_bench.model_specs.located_yaml import LocatedYaml, LocatedYamlError, parse_yaml
from latency_bench.reports.papers.csv_file import CsvFile, CsvRow, as_number, file_in, read_csv, text_of
from latency_bench.reports.papers.errors import PaperError
from latency_bench.reports.papers.paper import Paper, PaperRow, PaperTable, TablePart, part_of
from latency_bench.reports.papers.paper_file import PaperFile, Part, TableFields

FILE = "paper.yaml"
MOST_BYTES = 1_000_000
_ROOT = "a paper is one mapping with the fields `title`, `reference` and `tables`"


def read_paper(name: str, folder: Path) -> Paper:
    """The paper in a folder. Raises PaperError naming file, line and field of everything that is wrong."""
    path = file_in(folder, FILE)
    try:
        located = parse_yaml(text_of(path, MOST_BYTES), str(path), _ROOT)
        file = located.validate(PaperFile)
    except LocatedYamlError as error:
        raise PaperError(str(error)) from None
    if problems := list(_loose_ends(file, located)):
        raise PaperError("\n".join(problems))
    return Paper(name, folder, file, tuple(_table(file, fields, folder) for fields in file.tables))


def _loose_ends(file: PaperFile, located: LocatedYaml) -> Iterator[str]:
    """Names that mean nothing in the file."""

    def at(*place: str | int) -> str:
        return f"{located.source}:{located.line_of(place)}:"

    ids = [table.id for table in file.tables]
    for index, table in enumerate(file.tables):
        if table.id in ids[:index]:
            yield f"{at('tables', index, 'id')} two tables have the id {table.id!r}"
        for number, column in enumerate(table.columns):
            if column.device is not None and column.device not in file.devices:
                yield (
                    f"{at('tables', index, 'columns', number, 'device')} there is no {column.device!r} under "
                    "`devices`; describe it there"
                )
    for index, figure in enumerate(file.figures):
        for number, plot in enumerate(figure.plots):
            for id in plot.tables:
                if id not in ids:
                    yield f"{at('figures', index, 'plots', number, 'tables')} there is no table {id!r}"
    for index, claim in enumerate(file.claims):
        if claim.table is not None and claim.table not in ids:
            yield f"{at('claims', index, 'table')} there is no table {claim.table!r}"


def _table(file: PaperFile, fields: TableFields, folder: Path) -> PaperTable:
    printed = read_csv(folder, fields.file)
    _check_columns(fields, printed)
    names = _names(fields, printed)
    _check_numbers(fields, printed)
    rows = tuple(
        PaperRow(name, row.cells, group, row.line)
        for name, row, group in zip(names, printed.rows, _groups(file, fields, printed), strict=True)
    )
    _check_rows(fields, rows, printed)
    return PaperTable(fields, file, printed.path, rows, tuple(_parts(fields, rows)))


def _check_columns(fields: TableFields, printed: CsvFile) -> None:
    needed = [fields.name_column, *(column.name for column in fields.columns)]
    needed += [name for name in (fields.model_column, fields.group_column) if name is not None]
    for name in needed:
        if name not in printed.columns:
            raise PaperError(
                f"{printed.path}:1: table {fields.id} of {FILE} names the column {name!r}, which the file does not "
                f"have; it has {', '.join(printed.columns)[:400]}"
            )


def _names(fields: TableFields, printed: CsvFile) -> list[str]:
    """Of the rows: the model's, with its resolution where several have it. Raises PaperError for two of one name."""
    plain = [row.cells[fields.name_column] for row in printed.rows]
    names: dict[str, int] = {}
    for name, row in zip(plain, printed.rows, strict=True):
        if not name.strip():
            raise printed.problem(row, fields.name_column, "a row needs a name")
        shown = f"{name} (r{row.cells['resolution']})" if plain.count(name) > 1 and "resolution" in row.cells else name
        if shown in names:
            raise printed.problem(
                row, fields.name_column, f"{shown!r} stands in line {names[shown]} too; give rows names of their own"
            )
        names[shown] = row.line
    return list(names)


def _check_numbers(fields: TableFields, printed: CsvFile) -> None:
    for column in fields.columns:
        for row in printed.rows if column.quantity is not None else ():
            text = row.cells[column.name]
            try:
                value = as_number(text)
            except ValueError:
                raise printed.problem(
                    row, column.name, f"{text[:60]!r} is not a number; leave the cell empty where nothing is printed"
                ) from None
            if value is not None and value <= 0:
                raise printed.problem(row, column.name, f"a {column.quantity} of {text} cannot be")


def _check_rows(fields: TableFields, rows: tuple[PaperRow, ...], printed: CsvFile) -> None:
    """Every row that paper.yaml names is there."""
    there = {row.name for row in rows}
    named = {
        *fields.models,
        *(name for part in fields.parts for name in part.models),
        *fields.absent,
        *fields.count_notes,
    }
    named -= {"*"}
    named |= {fields.baseline} if fields.baseline else set()
    for name in sorted(named - there):
        raise PaperError(
            f"{printed.path}: table {fields.id} of {FILE} names the row {name!r}, which the file does not have"
        )


def _groups(file: PaperFile, fields: TableFields, printed: CsvFile) -> list[int]:
    """By row, the number of its group: rows with the same `group_column`, else what others made, then the paper's own
    models that compare with it."""
    numbers: list[int] = []
    before: object = None
    number = 0
    for row in printed.rows:
        mark: object = _mark(file, fields, row)
        begins = mark != before if fields.group_column else before is True and mark is False
        number += bool(begins and numbers)
        numbers.append(number)
        before = mark
    return numbers


def _mark(file: PaperFile, fields: TableFields, row: CsvRow) -> str | bool:
    if fields.group_column:
        return row.cells[fields.group_column]
    return file.subject is not None and row.cells[fields.name_column].startswith(file.subject)


def _parts(fields: TableFields, rows: tuple[PaperRow, ...]) -> Iterator[TablePart]:
    own = Part(lead=fields.lead, by_throughput=fields.by_throughput, models=fields.models)
    in_file = {
        row.name: fields.model_prefix + row.published[fields.model_column]
        for row in rows
        if fields.model_column and row.published[fields.model_column]
    }
    for part in fields.parts or (own,):
        made = part_of(part, fields, {**in_file, **part.models})
        if made.models or made.latency or made.throughput:
            yield made
