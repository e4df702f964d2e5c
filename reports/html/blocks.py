"""Data inside a page: compressed, in an alphabet that no markup can come out of."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

from markupsafe import Markup

_LEVEL = 6


def data_block(block_id: str, content: Any) -> Markup:
    """A `<script>` that does not run, with `content` as gzipped JSON in base64.

    The same content gives the same text. Raises ValueError for NaN and infinities, which JSON does not have.
    """
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Lone surrogates, which file names may bring, have no place in UTF-8.
    packed = gzip.compress(text.encode("utf-8", "replace"), compresslevel=_LEVEL, mtime=0)
    encoded = base64.b64encode(packed).decode("ascii")
    return Markup('<script type="text/plain" id="{}">{}</script>').format(block_id, encoded)


def csp_hash(code: str) -> str:
    """What a Content-Security-Policy allows exactly this inline script or style by (CSP Level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode('ascii')}'"
