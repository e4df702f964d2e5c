"""Networks in Python files of the user's in a campaign: each becomes a model of this process, known by its id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latency_bench.harness.campaign.campaign_file import CampaignFile, OwnModule, Product


def with_modules(campaign: CampaignFile) -> CampaignFile:
    """The campaign with the id of each of its modules among the models of its entry. Each is built once, in a process
    of its own; files are relative to the working folder.

    Raises UsageError, SpecError, ExportError for one that cannot be measured.
    """
    if not any(product.modules for product in campaign.cases):
        return campaign
    cases = tuple(_with_ids(product) for product in campaign.cases)
    return campaign.model_copy(update={"cases": cases})


def _with_ids(product: Product) -> Product:
    ids = [_id_of(own) for own in product.modules]
    return product.model_copy(update={"models": (*product.models, *ids), "modules": ()})


def _id_of(own: OwnModule) -> str:
    from latency_bench.harness.python_module import add_python_module, parse_module_input

    sizes = [parse_module_input(text) for text in own.inputs]
    return add_python_module(own.module, Path.cwd(), own.arguments, sizes, own.name).id
