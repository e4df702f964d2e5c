"""What a paper's folder says, and that everything wrong with one is told with file, line and field."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from latency_bench.reports.papers.catalog import default_paper, find_paper
from latency_bench.reports.papers.errors import PaperError

MakePaper = Callable[..., Path]
CSV = "model,top1,macs_g,ms\nConvNeXt-T,82.1,4.5,39.0\nOwn-A,79.4,0.52,10.0\n"


def test_a_folder_is_a_paper(make_paper: MakePaper) -> None:
    paper = find_paper(str(make_paper()))
    table = paper.table("1")
    assert (paper.name, table.label, table.models) == ("mypaper", "Table 1", ("convnext-t-r224", "b1-cls-r224"))
    assert table.figure(table.rows[1], "ms") == 10.0
    assert [table.label for table, _ in paper.rows_of("b1-cls-r224")] == ["Table 1"]


@pytest.mark.parametrize(
    ("replace", "complaint"),
    [
        ({"title: Classification": "titel: Classification"}, "paper.yaml:7: missing field 'tables[0].title'"),
        ({"title: Classification": "titel: C"}, "paper.yaml:8: unknown field 'tables[0].titel'"),
        ({"quantity: macs": "quantity: weight"}, "paper.yaml:12: field 'tables[0].columns[1].quantity'"),
        ({"device: phone}": "device: tablet}"}, "paper.yaml:13: there is no 'tablet' under `devices`"),
        ({", device: phone}": "}"}, "is a latency; say on which `device`"),
        ({", dataset: ImageNet": ""}, "is an accuracy; give its `dataset`"),
        ({"kind: phone": "kind: fridge"}, "paper.yaml:5: field 'devices.phone.kind'"),
        ({"file: table.csv": "file: ../table.csv"}, "paper.yaml:9: field 'tables[0].file'"),
        ({"file: table.csv": "file: /etc/passwd"}, "paper.yaml:9: field 'tables[0].file'"),
        ({"file: table.csv": "file: other.csv"}, "other.csv: cannot be read: No such file"),
        ({"table: 1,": "table: 2,"}, "paper.yaml:18: there is no table '2'"),
        ({'factor: "3.9"': "factor: many"}, "paper.yaml:18: field 'claims[0].factor'"),
        ({"Own-A: b1": "Own-B: b1"}, "names the row 'Own-B', which the file does not have"),
        ({"name: macs_g": "name: gmacs"}, "table.csv:1: table 1 of paper.yaml names the column 'gmacs'"),
        ({"    models:": "    absent: &a {x: y}\n    count_notes: *a\n    models:"}, "YAML anchors are not read"),
        ({"title: A paper": "title: !!python/object:os.system [ls]"}, "paper.yaml:1: title: values of type"),
        (
            {"title: A paper": f"title: {'[' * 3000}{']' * 3000}"},
            "paper.yaml:1: not",
        ),
    ],
)
def test_what_is_wrong_in_the_yaml_is_told_with_its_place(
    make_paper: MakePaper, replace: dict[str, str], complaint: str
) -> None:
    with pytest.raises(PaperError) as raised:
        find_paper(str(make_paper(replace)))
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("csv", "complaint"),
    [
        ("", "table.csv:1: the file is empty"),
        (CSV.replace("39.0", "about 39"), "table.csv:2: column 'ms': 'about 39' is not a number"),
        (CSV.replace("39.0", "nan"), "table.csv:2: column 'ms': 'nan' is not a number"),
        (CSV.replace("39.0", "-1"), "table.csv:2: column 'ms': a latency of -1 cannot be"),
        (CSV.replace("10.0", "10.0,7"), "table.csv:3: 5 cells, and the header has 4"),
        (CSV.replace("Own-A", "ConvNeXt-T"), "table.csv:3: column 'model': 'ConvNeXt-T' stands in line 2 too"),
        (CSV.replace("Own-A", " "), "table.csv:3: column 'model': a row needs a name"),
        (CSV.replace("top1", "ms", 1), "table.csv:1: two columns are called 'ms'"),
        (CSV + "".join(f"row {n},1,1,1\n" for n in range(100_000)), "table.csv:5002: more than 5,000 rows"),
        (CSV + f"long,1,1,{'1' * 3000}\n", "table.csv:4: a cell has more than 2,000 letters"),
        (CSV + f"big,1,1,{'x' * 5_000_000}\n", "has more than 4,000,000 bytes"),
        (CSV + 'quote,"1,1,1\n', "table.csv:4: not valid CSV"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_told_with_its_place(make_paper: MakePaper, csv: str, complaint: str) -> None:
    with pytest.raises(PaperError) as raised:
        find_paper(str(make_paper(csv=csv)))
    assert complaint in str(raised.value)


def test_a_link_out_of_the_folder_is_not_followed(make_paper: MakePaper, tmp_path: Path) -> None:
    folder = make_paper()
    secret = tmp_path / "secret.csv"
    secret.write_text(CSV)
    (folder / "table.csv").unlink()
    (folder / "table.csv").symlink_to(secret)
    with pytest.raises(PaperError, match="leads out of the paper's folder"):
        find_paper(str(folder))


def test_what_is_no_file_is_not_waited_for(make_paper: MakePaper) -> None:
    folder = make_paper()
    (folder / "table.csv").unlink()
    os.mkfifo(folder / "table.csv")
    with pytest.raises(PaperError, match="is not an ordinary file"):
        find_paper(str(folder))


def test_not_utf8_is_told(make_paper: MakePaper) -> None:
    folder = make_paper()
    (folder / "table.csv").write_bytes(CSV.encode().replace(b"Own-A", b"Own-\xe9"))
    with pytest.raises(PaperError, match="is not UTF-8"):
        find_paper(str(folder))


def test_a_name_that_nobody_has_is_told_the_nearest() -> None:
    with pytest.raises(PaperError, match=f"did you mean {default_paper().name}"):
        find_paper(default_paper().name + "s")


def test_units_are_scaled(make_paper: MakePaper) -> None:
    changed = {
        "quantity: latency, device": "quantity: latency, unit: us, device",
        "quantity: macs}": "quantity: macs, unit: M}",
    }
    table = find_paper(str(make_paper(changed))).table("1")
    assert table.figure(table.rows[1], "ms") == pytest.approx(0.010)
    assert table.figure(table.rows[1], "macs_g") == pytest.approx(0.52e-3)
