"""paper.yaml: the fields of a paper. docs/papers.md explains them by an example."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from latency_bench.reports.papers.quantities import UNITS, Quantity

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""Of a paper and of a device in it."""
_COLUMN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
_FILE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv$"
_FACTOR = re.compile(r">=?1|\d+(\.\d+)?(-\d+(\.\d+)?)?")

Kind = Literal["phone", "board", "gpu", "cpu", "npu", "other"]
Confidence = Literal["A", "B", "C", "D"]
CONFIDENCE: dict[str, str] = {
    "A": "the authors' or vendor's own text, read by program",
    "B": "the authors' picture of a table, read by eye",
    "C": "measured or reprinted by others",
    "D": "a third party's copy, to be used with care",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Number = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
"""Of a table or figure: 3, or S2."""
_Text = Annotated[str, Field(min_length=1, max_length=2000)]
_Short = Annotated[str, Field(min_length=1, max_length=200)]
_Column = Annotated[str, Field(pattern=_COLUMN)]


class Recognition(_Strict):
    """By which fact of its fingerprint a device of ours is the paper's very device."""

    fact: _Short
    """`module` of a board, `GPU`, ..."""
    contains: _Short
    """Whole words of that fact."""
    without: _Short | None = None
    """Words that make it another device after all."""

    def holds(self, facts: dict[str, Any]) -> bool:
        """Whether a device with these facts is meant."""
        text = str(facts.get(self.fact, ""))
        has_words = re.search(rf"(?<!\w){re.escape(self.contains)}(?!\w)", text) is not None
        return has_words and (self.without is None or self.without not in text)


class PaperDevice(_Strict):
    """What the authors measured on, as far as they say."""

    title: _Short
    kind: Kind
    runtime: _Short | None = None
    precision: _Short | None = None
    contains: _Text | None = None
    """What is inside a latency: transfer, pre-processing, ..."""
    recognised_by: Recognition | None = None

    @property
    def how(self) -> str:
        """`TensorRT in fp16`, as far as it is known."""
        return " in ".join(word for word in (self.runtime, self.precision) if word)

    def is_measured_alike(self, runtime: str, precision: str) -> bool:
        """Whether a run had the runtime and the precision that the authors name."""
        named = (self.runtime or "").lower().split()[:1]
        return all(map(runtime.startswith, named)) and self.precision in (None, precision)


class Column(_Strict):
    """A column of a CSV as it is shown."""

    name: _Column
    title: _Short
    quantity: Quantity | None = None
    unit: str | None = None
    """Of a quantity; by default the first of UNITS."""
    device: Annotated[str, Field(pattern=NAME)] | None = None
    """Of a latency or throughput."""
    batch: int = Field(default=1, ge=1)
    """Of a latency. That of throughputs is the table's `throughput_batch`."""
    precision: _Short | None = None
    """Where it is another than the device's."""
    dataset: _Short | None = None
    metric: _Short | None = None
    """Of an accuracy."""

    @model_validator(mode="after")
    def _goes_together(self) -> Column:
        is_speed = self.quantity in ("latency", "throughput")
        if is_speed and self.device is None:
            raise ValueError(f"column {self.name!r} is a {self.quantity}; say on which `device`")
        if self.quantity == "accuracy" and not (self.dataset and self.metric):
            raise ValueError(f"column {self.name!r} is an accuracy; give its `dataset` and `metric`")
        if self.unit is not None and self.unit not in UNITS.get(self.quantity or "", {}):
            known = ", ".join(UNITS.get(self.quantity or "", {})) or "none without a `quantity`"
            raise ValueError(f"column {self.name!r} has the unit {self.unit!r}; there are {known}")
        return self

    @property
    def scale(self) -> float:
        """What a printed 1 is in the unit that figures are compared in."""
        units = UNITS.get(self.quantity or "", {})
        return units[self.unit] if self.unit else 1.0


class Part(_Strict):
    """What is measured of a table's rows. Most tables have one; one with several data sets has one for each."""

    key: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,31})?$")] = ""
    title: str = Field(default="", max_length=200)
    columns: tuple[_Column, ...] = Field(default=(), strict=False)
    """Its latencies and throughputs; by default all of the table."""
    lead: _Column | None = None
    """The published column that speed-ups are quoted from."""
    by_throughput: bool = False
    """The paper compares these models by throughput alone."""
    models: dict[str, _Short] = Field(default_factory=dict)
    """Ids of models by the row's name; `NAME (rSIZE)` where several rows have the name."""


class TableFields(_Strict):
    """One table of the paper."""

    id: Number
    label: _Short | None = None
    """What the paper calls it; by default `Table ID`."""
    title: _Short
    file: Annotated[str, Field(pattern=_FILE)]
    """A CSV file beside paper.yaml."""
    columns: tuple[Column, ...] = Field(min_length=1, max_length=100, strict=False)
    name_column: _Column = "model"
    """The CSV's column with the names of the rows."""
    model_column: _Column | None = None
    """The CSV's column with ids of models, for rows that `models` does not name."""
    model_prefix: Literal["", "timm:", "torchvision:"] = ""
    """What stands before the ids of `model_column`."""
    group_column: _Column | None = None
    """Rows that have the same here belong together. By default a group is what others made, then the paper's own."""
    baseline: _Short | None = None
    """The row that all others are held against; by default the first of each group that has a figure."""
    lead: _Column | None = None
    by_throughput: bool = False
    models: dict[str, _Short] = Field(default_factory=dict)
    parts: tuple[Part, ...] = Field(default=(), max_length=20, strict=False)
    """In place of the three fields above, where a table has several."""
    throughput_batch: int | None = Field(default=None, ge=1)
    """Images per request of the throughputs; None where the authors do not say."""
    resolution: Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^\d{1,5}(x\d{1,5})?$")] | None = None
    """Of all rows, HEIGHTxWIDTH; the CSV may have a column `resolution` instead."""
    remarks: tuple[_Text, ...] = Field(default=(), strict=False)
    absent: dict[str, _Text] = Field(default_factory=dict)
    """Why a row has no model here, by the row's name; `*` for all others."""
    count_notes: dict[str, _Text] = Field(default_factory=dict)
    """Why printed parameters or MACs are not those of the row's model, by the row's name; `*` for all others."""
    confidence: Confidence | None = None
    source: _Text | None = None
    """Where the figures were read."""

    @model_validator(mode="after")
    def _names_its_columns(self) -> TableFields:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("two columns have the same name")
        speeds = {column.name for column in self.columns if column.quantity in ("latency", "throughput")}
        if self.parts and (self.lead or self.models or self.by_throughput):
            raise ValueError("a table with `parts` has its `lead`, `by_throughput` and `models` in them")
        for part in self.parts or (Part(lead=self.lead),):
            for name in (*part.columns, *([part.lead] if part.lead else [])):
                if name not in speeds:
                    raise ValueError(f"{name!r} is not a column with a latency or throughput")
        return self


class Plot(_Strict):
    """A plot that a figure of the paper consists of."""

    name: Annotated[str, Field(pattern=NAME)]
    """As `bench plot` takes it."""
    draws: Literal["latency", "throughput", "attention"]
    tables: tuple[Number, ...] = Field(default=(), strict=False)
    """Whose models are shown, against their accuracy."""
    help: _Short | None = None


class Figure(_Strict):
    """A figure of the paper that is a measurement."""

    id: Number
    plots: tuple[Plot, ...] = Field(min_length=1, strict=False)


class ClaimFields(_Strict):
    """A factor in the text: one row of a table against another."""

    text: _Text
    factor: Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, (int, float)) else value)]
    """As printed: `13.9`, or a range, `3.3-4.5`; `>1` or `>=1` where a direction alone is claimed."""
    says: Literal["factor", "less", "more", "share", "difference"] = "factor"
    """`less` and `more` are percent, `share` is the subject's part of the baseline's, `difference` is in points."""
    about: bool = False
    """The text says about, nearly or more than."""
    where: _Short
    of: _Short
    """Of what, and on which device, in words."""
    quantity: Literal["latency", "throughput", "macs", "params", "accuracy", "attention"]
    table: Number | None = None
    column: _Column | None = None
    baseline: _Short
    subject: _Short
    """Names of rows."""
    which: _Short | None = None
    """Both in words, where the names of the rows are not enough."""
    note: _Text | None = None
    """Why a claim cannot be recomputed, or what to know of it."""

    @field_validator("factor")
    @classmethod
    def _is_a_factor(cls, text: str) -> str:
        if not _FACTOR.fullmatch(text):
            raise ValueError(f"{text!r} is not a factor; write 13.9, 3.3-4.5, >1 or >=1")
        return text


class SettingFields(_Strict):
    """How the authors measured on a kind of device: `bench run --setting paper`."""

    kind: _Short
    """What the devices are, in words."""
    probe: _Short
    """Devices of the kind have this probe."""
    runtime: _Short
    precision: _Short
    batch: int | None = Field(default=None, ge=1)
    """None: the tables differ in it, so it is the user's."""
    threads: int | None = Field(default=None, ge=1)
    """Of a runtime on the CPU."""
    stated: _Text
    """What the paper says."""
    chosen: _Text
    """What it does not say, what was chosen, and why."""


class PaperFile(_Strict):
    """Everything that paper.yaml says."""

    title: _Text
    reference: _Short
    """Authors, where and when."""
    link: _Short | None = None
    subject: _Short | None = None
    """How the names of the paper's own models begin."""
    about: _Text | None = None
    """How the authors measured, and what to know before figures are compared."""
    devices: dict[Annotated[str, Field(pattern=NAME)], PaperDevice] = Field(default_factory=dict)
    tables: tuple[TableFields, ...] = Field(min_length=1, max_length=100, strict=False)
    throughput_remark: _Text | None = None
    """Which batches the tables have, as the end of a sentence about throughput that was not measured."""
    figures: tuple[Figure, ...] = Field(default=(), strict=False)
    claims: tuple[ClaimFields, ...] = Field(default=(), max_length=1000, strict=False)
    settings: tuple[SettingFields, ...] = Field(default=(), strict=False)
    """The first whose probe a device has is its kind."""
