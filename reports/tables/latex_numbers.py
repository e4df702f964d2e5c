"""How numbers stand with their points below each other: in two plain columns, or in an S column of siunitx."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from latency_bench.reports.tables.latex_text import escaped
from latency_bench.reports.tables.table import Cell

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Numbers(ABC):
    """A number takes two columns of TeX: its aligned part, and the rest, such as its interval or unit."""

    preamble: str
    """What a document needs beside booktabs, as it follows that in a line."""

    @abstractmethod
    def alignment(self, cells: Iterable[Cell]) -> str:
        """Of both columns, for the numbers that are to stand in them."""

    @abstractmethod
    def parts(self, text: str) -> tuple[str, str]:
        """The aligned part and the rest; the text begins with a digit."""

    @abstractmethod
    def written(self, number: str, is_bold: bool) -> str:
        """The aligned part in TeX."""


class _PairOfColumns(Numbers):
    """What is before the point, then the point and the rest."""

    def alignment(self, cells: Iterable[Cell]) -> str:
        return "r@{}l"

    def parts(self, text: str) -> tuple[str, str]:
        rest = text.lstrip("0123456789")
        return text[: len(text) - len(rest)], rest

    def written(self, number: str, is_bold: bool) -> str:
        return rf"\textbf{{{escaped(number)}}}" if is_bold else escaped(number)


class _Siunitx(Numbers):
    r"""An S column, which takes its digits, marks of thousands and separators from the document's \sisetup."""

    def alignment(self, cells: Iterable[Cell]) -> str:
        numbers = [number for cell in cells if cell.value is not None and (number := self.parts(cell.text)[0])]
        split = [number.partition(".") for number in numbers] or [("0", "", "")]
        whole, decimals = max(len(one[0]) for one in split), max(len(one[2]) for one in split)
        digits = f"{whole}.{decimals}" if decimals else str(whole)
        return rf"S[table-format={digits},table-number-alignment=right]@{{}}l"

    def parts(self, text: str) -> tuple[str, str]:
        match = _NUMBER.match(text)
        number = match[0] if match else ""
        return number, text[len(number) :]

    def written(self, number: str, is_bold: bool) -> str:
        return rf"\bfseries {number}" if is_bold else number


PAIR_OF_COLUMNS: Numbers = _PairOfColumns("")
SIUNITX: Numbers = _Siunitx(
    r" \usepackage{siunitx,etoolbox} \sisetup{mode=text,detect-weight=true} \robustify\bfseries"
)
"""Bold numbers stay aligned by its second half (the manual of siunitx, "Formatting numbers in tables")."""
