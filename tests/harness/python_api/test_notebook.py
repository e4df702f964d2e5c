"""docs/notebook.ipynb runs as it stands, and shows a run, a pair, a table and a figure as a notebook shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import nbformat

NOTEBOOK = Path(__file__).parents[3] / "docs" / "notebook.ipynb"


@pytest.mark.timeout(1500)
@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_it_makes(
    tmp_path: Path, bench_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbclient
    import nbformat

    for name in set(os.environ) - set(bench_environment):
        monkeypatch.delenv(name)
    for name, value in bench_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BENCH_STORE", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code"), "stored without its outputs"

    nbclient.NotebookClient(notebook, timeout=540, resources={"metadata": {"path": str(tmp_path)}}).execute()

    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    run, samples, pair, table, figure = (_shown(outputs) for outputs in shown[1:])
    assert "net-16" in run["text/html"]
    assert " ms" in run["text/html"]
    assert "<table" in samples["text/html"]
    assert "Pair" in pair["text/plain"]
    assert {"net-16", "net-64"} <= set(table["text/html"].replace("<", " ").replace(">", " ").split())
    assert len(figure["image/png"]) > 1000
    assert not [output for outputs in shown for output in outputs if output.output_type == "stream"], (
        "nothing is printed"
    )
    assert "\\begin{tabular" in (tmp_path / "table.tex").read_text()
    assert (tmp_path / "distribution.pdf").stat().st_size > 1000
    assert list((tmp_path / "results").glob("*/net-16/*"))


def _shown(outputs: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """What the last line of a cell gave, and it alone."""
    (result,) = [output for output in outputs if output.output_type in ("execute_result", "display_data")]
    return result.data
