"""Starts the worker by its path: `python3 FOLDER/bench_worker/start.py JOB.json`.

Python looks for modules beside a program, or in the current folder for `-m`, unless it is told not to (`-P`, `-I`,
PYTHONSAFEPATH). This program says itself where the worker is, so that none of these matters; a module of a third
party's runtime lies beside the worker's folder.
"""

import importlib
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))
# The worker's own modules (clock, memory, files, ...) may not stand in for others of these names.
sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.curdir) != _FOLDER]
sys.path.insert(0, os.path.dirname(_FOLDER))

if __name__ == "__main__":
    # By name: this file is a program, and no part of the package.
    code = importlib.import_module(os.path.basename(_FOLDER) + ".main").main(sys.argv[1:])
    if code:
        # All is said. A library that still holds a GPU which failed may abort the process while Python takes itself
        # down (pycuda: "The context stack was not empty"), and the abort would stand in place of the reason.
        sys.stderr.flush()
        os._exit(code)
