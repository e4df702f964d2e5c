"""All of them, in order of worth, as far as the time goes; the same command again goes on with what is missing.

    python benchmarks/paired/all.py --budget-minutes 40
    python benchmarks/paired/all.py --tables

On a quiet machine: nothing else may run. `pip install mlcommons-loadgen` first, for MLPerf's LoadGen among the trusted
tools.
"""

from __future__ import annotations

import bias
import minutes_to_interval
import safe_attention
import same_model
import slower_by_construction
import trusted_tools
from measured_steps import main

BENCHMARKS = (same_model, slower_by_construction, minutes_to_interval, safe_attention, trusted_tools, bias)

if __name__ == "__main__":
    main(BENCHMARKS, __doc__)
