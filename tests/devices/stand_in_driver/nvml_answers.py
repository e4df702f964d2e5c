"""What the NVIDIA probe reads by a real nvidia-ml-py over the stand-in NVML.

One JSON object a line, for each argument: the faults that NVML has meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes.nvidia import NvidiaProbe


class _Local:
    name = "local"


def _answer() -> Any:
    probe = NvidiaProbe()
    try:
        facts, readings = probe.fingerprint(_Local()), probe.read(_Local())  # type: ignore[arg-type]
    except DeviceError as error:
        return {"error": error.message, "remedy": error.remedy}
    finally:
        probe.close()
    return {"facts": facts, "readings": [asdict(one) for one in readings]}


if __name__ == "__main__":
    for faults in sys.argv[1:]:
        os.environ["STAND_IN_NVML_FAULTS"] = faults
        print(json.dumps(_answer()))
