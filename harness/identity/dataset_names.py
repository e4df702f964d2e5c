"""One name for each data set, however it is written."""

from __future__ import annotations

import re
from typing import Any

_USUAL_SIZE = re.compile(r"[\s_-]*1k$", re.IGNORECASE)
"""ImageNet-1K is what everybody means by ImageNet."""


def dataset_name(text: Any) -> str | None:
    """As people see it: `ImageNet` for `ImageNet-1K`; None where there is none."""
    return _USUAL_SIZE.sub("", text.strip()) or None if isinstance(text, str) else None


def dataset_key(text: Any) -> str:
    """The same for every way in which a name is written: `imagenet` for `ImageNet 1k`."""
    return "".join(letter for letter in (dataset_name(text) or "").lower() if letter.isalnum())
