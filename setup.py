"""What pyproject.toml cannot say: the README as the page of a package index, where a relative link leads nowhere."""

import re
from pathlib import Path

from setuptools import setup

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from setuptools.compat.py310 import tomllib  # type: ignore[no-redef]

ROOT = Path(__file__).parent
_LINK = re.compile(r"(!?)\[((?:[^\[\]\\]|\\.)*)\]\((?!https?://|#)([^()\s]+)\)")


def index_page(readme: str, source: "str | None", version: str) -> str:
    """The README with links to this version's files at `source`, the repository's address. Without an address, only the
    text of a link is left, and nothing of an image."""

    def absolute(link: "re.Match[str]") -> str:
        image, text, target = link.groups()
        if source is None:
            return "" if image else text
        return f"{image}[{text}]({source}/{'raw' if image else 'blob'}/v{version}/{target})"

    return _LINK.sub(absolute, readme)


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        long_description=index_page(
            (ROOT / "README.md").read_text(encoding="utf-8"),
            project.get("urls", {}).get("Source"),
            project["version"],
        ),
        long_description_content_type="text/markdown",
    )
