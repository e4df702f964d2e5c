"""Run directories: complete, immutable, self-contained.

<store>/<device>/<model>/<run id>/ holds record.json (record.py), samples.parquet (samples.py), telemetry.parquet
(telemetry.py) and evidence/. writer.py makes such a folder, reader.py finds and opens it, verify.py says whether it is
still what was stored. The folders are the truth; anything that would make finding them quicker is derived from them.
"""
