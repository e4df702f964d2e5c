"""Time and peak memory of exports, each from nothing.

    python benchmarks/export_cost.py --models b1-seg b3-seg l2-seg --formats onnx tflite

Every export runs in a cache of its own that is thrown away. `total` is the wall time of the whole call; `reference` and
`conversion` are its two large parts; the rest is starting Python, building the module and hashing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from typing import Any

from latency_bench.harness.export import ExportError, ExportOptions, export_artifact
from latency_bench.harness.export.formats import format_names
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.spec import ModelSpec

LIMIT_S = 120.0
LIMIT_BYTES = 6e9


def measure(spec: ModelSpec, format: str, options: ExportOptions) -> dict[str, Any]:
    """One cold export, and what it cost."""
    with tempfile.TemporaryDirectory() as cache:
        start_s = time.perf_counter()
        try:
            artifact = export_artifact(spec, format, options, cache, progress=lambda line: None)
        except ExportError as error:
            return {"model": spec.id, "format": format, "error": str(error).splitlines()[0]}
        total_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        export_artifact(spec, format, options, cache)
        warm_s = time.perf_counter() - start_s
    facts = artifact.facts
    return {
        "model": spec.id,
        "format": format,
        "resolution": list(spec.resolution),
        "total_s": total_s,
        "reference_s": facts["reference_s"],
        "conversion_s": facts["conversion_s"],
        "warm_s": warm_s,
        "peak_memory_bytes": facts["peak_memory_bytes"],
        "size_bytes": artifact.size_bytes,
        "nodes": facts["nodes"],
        "transposes": facts.get("operators", {}).get("TRANSPOSE", facts.get("operators", {}).get("Transpose")),
        "xnnpack": facts.get("xnnpack"),
        "within_limits": total_s < LIMIT_S and facts["peak_memory_bytes"] < LIMIT_BYTES,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["b3-seg", "l2-seg"])
    parser.add_argument("--formats", nargs="+", choices=format_names(), default=["onnx", "tflite"])
    parser.add_argument("--resolution", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp32")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = []
    for model_id in arguments.models:
        spec = load_spec(model_id)
        if arguments.resolution:
            spec = spec.at(tuple(arguments.resolution))
        for format in arguments.formats:
            result = measure(spec, format, ExportOptions(precision=arguments.precision))
            results.append(result)
            if arguments.json:
                continue
            if "error" in result:
                print(f"{model_id:16} {format:7} {result['error']}", flush=True)
                continue
            print(
                f"{model_id:16} {format:7} total {result['total_s']:6.1f} s (reference {result['reference_s']:5.1f}, "
                f"conversion {result['conversion_s']:5.1f})  warm {result['warm_s']:5.2f} s  "
                f"peak {result['peak_memory_bytes'] / 1e9:5.2f} GB  file {result['size_bytes'] / 1e6:6.1f} MB  "
                f"nodes {result['nodes']}, transposes {result['transposes']}, XNNPACK {result['xnnpack']}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps(results, indent=1))
    return 0 if all(result.get("within_limits") for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
