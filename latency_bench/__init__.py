"""Latency and throughput of vision models on phones, Jetsons, GPUs and CPUs.

The repository keeps its parts side by side at the top (`harness/`, `devices/`, `model_specs/`, `reports/`); links in
this folder give them the one name under which they are installed and imported.
"""
