"""The pairs of scripts/runtimes_measured.py are ones that the program takes, and its page says what came of them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from latency_bench.harness.cli.pair import pair
from latency_bench.harness.pairs.side_text import side_of


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("scripts/runtimes_measured.py")


def test_every_runtime_and_precision_is_a_pair_that_parses(script: ModuleType) -> None:
    found = script.sides("b1-cls-r224", ["litert", "onnxruntime", "openvino", "torch-cuda"])
    assert ("openvino", "int8") in found
    assert ("onnxruntime", "int8-dynamic") in found
    assert ("onnxruntime", "fp32") not in found
    assert not [runtime for runtime, _ in found if runtime == "torch-cuda"]
    for model in script.MODELS:
        for runtime, precision in found:
            words = script.command(model, runtime, precision, 3.0, "store")
            with pair.make_context("pair", words[1:]) as context:
                first, second = (side_of(text, {}) for text in context.params["sides"])
            assert (first.runtime, first.precision) == ("onnxruntime", None)
            assert (second.runtime, second.precision) == (runtime, precision)
            assert first.resolution == second.resolution


def test_the_page_has_ratios_and_reasons(script: ModuleType) -> None:
    metrics = {"logits": {"max_rel": 0.02, "cosine": 0.9999, "psnr_db": 31.26, "top1_agreement": 1.0}}
    outcomes = {
        ("m", "openvino", "int8"): {
            "ratio": 0.5,
            "low": 0.49,
            "high": 0.51,
            "fidelity": {"passed": True, "metrics": metrics},
            "flags": [{"name": "seeded_calibration"}],
        },
        ("m", "mnn", "fp32"): {
            "ratio": None,
            "reason": "what ran does not compute the model: largest | error\nWhat the converter printed is in /x.log",
        },
    }
    unsure = {"passed": None, "metrics": {}, "reason": "outputs hardly depend", "checks": [{"metrics": metrics}]}
    outcomes["m", "executorch", "int8"] = {
        "ratio": 2.5,
        "fidelity": unsure,
        "integers": "58 of 60 layers with weights compute in int8",
        "flags": [{"name": "partly_delegated", "text": "only a part of the model was computed by XNNPACK"}],
    }
    lines = script.page(outcomes).splitlines()
    (unjudged,) = [line for line in lines if "executorch" in line]
    assert "| 2.500 | - | not checked, largest error 2.0e-02, cosine 0.99990" in unjudged
    assert "58 of 60 layers with weights compute in int8, only a part of the model was computed by XNNPACK" in unjudged
    assert unjudged.endswith("outputs hardly depend |")
    (measured,) = [line for line in lines if "openvino" in line]
    assert "| 0.500 | 0.490 to 0.510 | as the module's, largest error 2.0e-02, cosine 0.99990, PSNR 31.3" in measured
    assert measured.endswith("same first class 100%, ranges from seeded data |")
    (refused,) = [line for line in lines if "mnn" in line]
    assert refused == "| `mnn` | `fp32` | - | - | what ran does not compute the model: largest / error |"
