"""For the site that mkdocs makes: links of a page to files beside docs/ become their names, which no site has."""

from __future__ import annotations

import re
from typing import Any

_BESIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)\s]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs calls it with each page's text."""
    return _BESIDE.sub(lambda link: f"{link[1]} (`{link[2]}`)", markdown)
