"""A model that needs more than torch says so in its family file: the rest builds without the zoo's packages."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from latency_bench.model_specs import ModelSpec, list_specs

BUILD_WITHOUT = """
import importlib.abc, json, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("timm", "transformers", "torchvision"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import torch
from latency_bench.model_specs import list_specs
from latency_bench.model_specs.building import build_module

lacking = {}
for spec in filter(lambda spec: spec.id in sys.argv[1:], list_specs()):
    try:
        with torch.device("meta"):
            build_module(spec)
    except ModuleNotFoundError as error:
        lacking[spec.id] = error.name.partition(".")[0]
print(json.dumps(lacking))
"""


ALL = list_specs()
OF_EACH_BUILDER = list({(spec.family, spec.builder): spec for spec in reversed(ALL)}.values())


@pytest.mark.parametrize(
    "specs", [OF_EACH_BUILDER, pytest.param(ALL, marks=pytest.mark.slow)], ids=["one of each builder", "all"]
)
def test_models_declare_the_modules_that_they_need(specs: list[ModelSpec]) -> None:
    command = [sys.executable, "-c", BUILD_WITHOUT, *(spec.id for spec in specs)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lacking = json.loads(done.stdout)
    assert set(lacking) == {spec.id for spec in specs if spec.requires}
