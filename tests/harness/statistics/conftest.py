"""Makes the latency models beside these tests importable; test files themselves are no package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
