"""A release, ready to be uploaded: version, changelog, sdist, wheel, checks, commit and tag.

    .venv/bin/python scripts/release.py 0.2.0 [--to dist]

Sets the version in pyproject.toml and the date in CHANGELOG.md, whose first section has to be about this version, and
writes down the fields of a record as released. Builds the sdist from a clean copy of the tree and the wheel from that
sdist, and checks them: the wheel's contents, a second wheel from the tree itself, `twine check --strict`, and `bench`
installed from the wheel in an environment of its own. Only then commits and tags; after a failed check the files are as
they were. Uploads nothing: it prints the command.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from datetime import date
from pathlib import Path

from check_wheel import ROOT, complaints
from record_schema import RELEASED, write_released

VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
SCHEMA = RELEASED.relative_to(ROOT).as_posix()
CHANGED = ("pyproject.toml", "CHANGELOG.md", SCHEMA)


class ReleaseError(Exception):
    """Why this cannot be released; nothing was committed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder for wheel and sdist")
    options = parser.parse_args()
    try:
        release(options.version, options.to)
    except (ReleaseError, subprocess.CalledProcessError) as error:
        run("git", "checkout", "--", *CHANGED)
        print(f"not released: {error}", file=sys.stderr)
        return 1
    return 0


def release(version: str, target: Path) -> None:
    """Raises ReleaseError, CalledProcessError."""
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version; write 1.2.3 or 1.2.3rc1")
    if status := run("git", "status", "--porcelain"):
        raise ReleaseError(f"commit or remove first:\n{status}")
    set_version(version)
    write_released()
    with tempfile.TemporaryDirectory(prefix="bench-release-") as name:
        sdist, wheel = build(Path(name))
        check(sdist, wheel, Path(name))
        target.mkdir(parents=True, exist_ok=True)
        finished = [shutil.copy2(file, target) for file in (sdist, wheel)]
    run("git", "commit", "-m", f"Release {version}", "--", *CHANGED)
    run("git", "tag", f"v{version}")
    print(f"released {version}; to publish it: git push --tags && twine upload {' '.join(map(str, finished))}")


def set_version(version: str) -> None:
    """Raises ReleaseError where the changelog says nothing of it."""
    project, changelog = (ROOT / CHANGED[0], ROOT / CHANGED[1])
    lines, dated = re.subn(
        rf"^## {re.escape(version)}, not released yet$",
        f"## {version}, {date.today().isoformat()}",
        changelog.read_text(encoding="utf-8"),
        flags=re.M,
    )
    if not dated:
        raise ReleaseError(f"CHANGELOG.md has no section `## {version}, not released yet`")
    changelog.write_text(lines, encoding="utf-8")
    text = project.read_text(encoding="utf-8")
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text, count=1), encoding="utf-8")


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist of what git knows of, and the wheel that the sdist builds."""
    tree = folder / "tree"
    copy_tree(tree)
    uv("build", "--quiet", "--out-dir", str(folder / "dist"), str(tree))
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return sdist, wheel


def copy_tree(tree: Path) -> None:
    """The files that are or may become part of the repository, as they are now."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if not name.startswith(("results/", "docs/", "tests/", "benchmarks/")) and (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name, follow_symlinks=False)


def check(sdist: Path, wheel: Path, folder: Path) -> None:
    """Raises ReleaseError, CalledProcessError."""
    if lines := list(complaints(wheel, folder / "tree")):
        raise ReleaseError("\n".join(lines))
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder / "direct"), str(folder / "tree"))
    (direct,) = (folder / "direct").glob("*.whl")
    if contents(direct) != contents(wheel):
        raise ReleaseError("the sdist builds another wheel than the tree")
    uv("tool", "run", "--quiet", "twine", "check", "--strict", str(sdist), str(wheel))
    environment = folder / "environment"
    uv("venv", "--quiet", "--python", sys.executable, str(environment))
    uv("pip", "install", "--quiet", "--python", str(environment / "bin/python"), str(wheel))
    for words in (["--version"], ["models", "ls"], ["devices", "ls"], ["results", "ls"]):
        subprocess.run(
            [environment / "bin/bench", *words], check=True, cwd=folder / "direct", stdout=subprocess.DEVNULL
        )


def contents(wheel: Path) -> dict[str, bytes]:
    """What is in a wheel, dates aside. RECORD follows from the rest."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")}


def uv(*words: str) -> None:
    from uv import find_uv_bin

    subprocess.run([find_uv_bin(), *words], check=True)


def run(*words: str) -> str:
    return subprocess.run(words, check=True, cwd=ROOT, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
