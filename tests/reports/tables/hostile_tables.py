"""A table with a text that tries to be markup in every place that foreign text may reach."""

from __future__ import annotations

from latency_bench.reports.tables.table import Block, Cell, Column, Row, Table

HOSTILE = (
    r"</td><script>alert(1)</script> \input{/etc/passwd} \end{table} $x^2_3$ 50% & #1 ~ | a | "
    "**b** `c` [d](http://e.f) ![g](h) \"q\" 's' ?` !` -- --- << ,, [red]rich[/red] \x1b[31m\u202e\u200f "
    "中文 العربية ärger Ø ß \ud800 =1+1\nnew line"
)


def hostile_table(text: str) -> Table:
    """The text in every place that foreign text may reach."""
    cells = (Cell("1.5", 1.5, notes=(text, f"{text} again"), runs=(text,), best=True), Cell(text))
    columns = (Column("latency_ms", "latency, ms"), Column("verdict", "verdict", is_text=True))
    return Table(
        "table3",
        "Table 3",
        "Title",
        (Block("", (Column("model", "model", is_text=True),)), Block(text, columns, {"runtime": text})),
        ((Row(((Cell(text),), cells)),),),
        remarks=("A remark.",),
    )
