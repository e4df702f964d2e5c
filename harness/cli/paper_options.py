"""--paper: whose tables, figures and claims are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from latency_bench.reports.papers.paper import Paper

paper_option = click.option(
    "--paper",
    "paper_text",
    metavar="NAME|FOLDER",
    help="Whose tables, figures and claims: a paper of `bench papers ls`, or a folder of your own.",
)


def paper_named(text: str | None) -> Paper:
    """The paper that was asked for, or the default one. Raises PaperError."""
    from latency_bench.reports.papers.catalog import default_paper, find_paper

    return default_paper() if text is None else find_paper(text)
