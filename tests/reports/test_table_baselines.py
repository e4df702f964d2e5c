"""What a campaign of a table measures as pairs is what the report of it quotes."""

from __future__ import annotations

import pytest

from latency_bench.harness.campaign.campaign_file import Product
from latency_bench.harness.campaign.products import models_of
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.tables.table_baselines import table_baselines


@pytest.mark.parametrize("number", ["2", "3", "4", "5"])
def test_every_model_of_a_table_has_a_baseline_of_the_table_or_is_one(number):
    baselines = table_baselines([default_paper().table(number)])
    models = {spec.id for spec in models_of(Product(tables=(number,)))}
    used = {one for several in baselines.values() for one in several}
    assert used <= models
    assert set(baselines) | used == models


def test_the_baselines_of_table_3_are_those_of_the_paper():
    baselines = table_baselines([default_paper().table("3")])
    assert baselines["b0-seg"] == ["deeplabv3plus-mbv2"]
    assert baselines["b1-seg"] == ["segformer-b1"]
    assert baselines["l2-seg"] == ["segnext-l"]
