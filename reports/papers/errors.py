"""What can be wrong with a paper's folder."""

from __future__ import annotations


class PaperError(ValueError):
    """No such paper, or its folder is wrong; the message names file, line and field."""
