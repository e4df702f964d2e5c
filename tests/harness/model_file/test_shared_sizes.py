"""What is given by name for several files goes to those that have the name."""

from __future__ import annotations

import pytest

from latency_bench.devices.device import Device
from latency_bench.harness.campaign.campaign_file import CampaignFile
from latency_bench.harness.campaign.products import requests_of
from latency_bench.harness.case_options import CaseOptions
from latency_bench.harness.errors import UsageError
from latency_bench.harness.shared_sizes import narrowed

pytest.importorskip("onnx")

from onnx_files import save_identity

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def files(tmp_path):
    a = save_identity(tmp_path / "a.onnx", ["n", 3, "h", "w"], name="image")
    b = save_identity(tmp_path / "b.onnx", [1, "length"], name="tokens")
    return a, b


def test_each_file_takes_the_names_that_it_has(files):
    given = {"dimensions": {"h": 8, "w": 9}, "shapes": {"tokens": (1, 5)}}
    a, b = narrowed([CaseOptions(file=(path, "onnx"), **given) for path in files])
    assert (a.dimensions, a.shapes) == ({"h": 8, "w": 9}, {})
    assert (b.dimensions, b.shapes) == ({}, {"tokens": (1, 5)})


def test_a_name_that_no_file_has_is_refused(files):
    with pytest.raises(UsageError, match="--dim hight"):
        narrowed([CaseOptions(file=(path, "onnx"), dimensions={"hight": 8}) for path in files])


def test_a_campaign_has_files_on_the_runtimes_that_load_them(files):
    device = Device(name="local")
    product = {
        "files": [str(path) for path in files],
        "runtimes": ["litert", "onnxruntime"],
        "set": {"dimensions": {"h": 8, "w": 9, "length": 4}},
    }
    requests = requests_of(CampaignFile.model_validate({"cases": [product]}), lambda _: device)
    assert [(one.file[0].name, one.runtime, one.precision, one.dimensions) for one in requests] == [
        ("a.onnx", "onnxruntime", None, {"h": 8, "w": 9}),
        ("b.onnx", "onnxruntime", None, {"length": 4}),
    ]
    with pytest.raises(UsageError, match=r"litert does not load .*a\.onnx; name a runtime for onnx files"):
        requests_of(CampaignFile.model_validate({"cases": [{**product, "runtimes": "litert"}]}), lambda _: device)
