"""The code that runs on the device: one request file in, JSON lines out (docs/architecture.md, "Worker protocol").

Standard library and numpy only, Python 3.6 and up, and nothing from the rest of the project: this folder is copied to a
device as it is and started there by the path of `start.py`. A runtime of a third party imports `bench_worker.api`.
"""

PROTOCOL_VERSION = 1
