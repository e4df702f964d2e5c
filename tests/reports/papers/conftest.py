"""Folders of papers, made for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

YAML = """title: A paper
reference: Somebody, 2026
subject: Own
devices:
  phone: {title: A phone, kind: phone, runtime: TFLite, precision: fp32}
tables:
  - id: 1
    title: Classification
    file: table.csv
    columns:
      - {name: top1, title: top-1, quantity: accuracy, dataset: ImageNet, metric: "top-1 accuracy, %"}
      - {name: macs_g, title: "MACs, G", quantity: macs}
      - {name: ms, title: "phone, ms", quantity: latency, device: phone}
    models:
      ConvNeXt-T: convnext-t-r224
      Own-A: b1-cls-r224
claims:
  - {text: Faster than ConvNeXt-T, factor: "3.9", where: abstract, of: latency, quantity: latency, table: 1, column: ms,
     subject: Own-A, baseline: ConvNeXt-T}
"""
CSV = "model,top1,macs_g,ms\nConvNeXt-T,82.1,4.5,39.0\nOwn-A,79.4,0.52,10.0\n"


@pytest.fixture
def make_paper(tmp_path: Path) -> Callable[..., Path]:
    """make_paper(replace={"old": "new"}, csv=...): a folder with a paper of two rows, changed."""

    def make(replace: dict[str, str] | None = None, csv: str = CSV, yaml: str = YAML) -> Path:
        folder = tmp_path / "mypaper"
        folder.mkdir(exist_ok=True)
        for old, new in (replace or {}).items():
            assert old in yaml, old
            yaml = yaml.replace(old, new)
        (folder / "paper.yaml").write_text(yaml, encoding="utf-8")
        (folder / "table.csv").write_text(csv, encoding="utf-8")
        return folder

    return make
