"""What the image libraries are imported as, and what brings them: known without importing any."""

from typing import Dict, Tuple

MODULES: Dict[str, str] = {"pillow": "PIL", "opencv": "cv2"}
PACKAGES: Dict[str, str] = {"pillow": "pillow", "opencv": "opencv-python-headless"}
SUPPRESSING: Tuple[str, ...] = ("opencv",)
"""Those that have non-maximum suppression, with which a detector's answer ends."""
