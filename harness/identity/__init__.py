"""Which runs are of the same case, under which conditions each was measured, and which of two may be compared.

A *case* is what was asked for: a workload (`workload.py`) measured in a setting (`setting.py`); together they are its
key (`case_key.py`). The *conditions* (`conditions.py`) are everything else that can change a latency, as probes, the
runtime and the protocol state it. `differences.py` says what two runs differ in and whether that leaves anything to
compare, `throughput.py` which run gives the throughput of a model.
"""
