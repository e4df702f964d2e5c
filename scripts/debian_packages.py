"""Packages and sources of another Debian suite, fetched and unpacked beside the system: nothing is installed.

apt gets a configuration, lists and a cache of its own in a temporary folder, and checks everything against Debian's
keys. The mirror is the one that this system's apt already uses.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TIMEOUT_S = 600


class CannotFetchError(Exception):
    """Why packages of Debian cannot be had here."""


class DebianSuite:
    """One suite of Debian (`trixie`, `sid`), of another architecture where one is named. `folder` is for apt's own
    files and for what it downloads."""

    def __init__(self, suite: str, folder: Path, architecture: str | None = None) -> None:
        for program in ("apt-get", "apt-cache", "dpkg"):
            if shutil.which(program) is None:
                raise CannotFetchError(f"needs {program}")
        self.suite = suite
        self._folder = folder
        for name in ("lists/partial", "archives/partial", "etc/sources.d", "etc/preferences.d"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "etc/sources.d/suite.sources").write_text(
            f"Types: deb deb-src\nURIs: {mirror()}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n"
        )
        settings = {
            "Dir::Etc": folder / "etc",
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": folder / "etc/sources.d",
            "Dir::Etc::preferencesparts": folder / "etc/preferences.d",
            "Dir::State": folder,
            "Dir::State::lists": folder / "lists",
            # An empty list of what is installed, so that every dependency is fetched.
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder,
            "Dir::Cache::archives": folder / "archives",
            "APT::Sandbox::User": "",
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            **({"APT::Architecture": architecture, "APT::Architectures": architecture} if architecture else {}),
        }
        self._options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        self._apt("update")

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        """Unpack packages, and all that they depend on, into `root`. Raises CannotFetchError."""
        self._apt("install", "-y", "--download-only", *packages)
        root.mkdir(parents=True, exist_ok=True)
        for package in sorted((self._folder / "archives").glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)

    def source_archive(self, package: str, version: str) -> Path:
        """The upstream archive (`.orig.tar.*`) of a source package in this version. Raises CannotFetchError."""
        self._apt("source", "--download-only", "--tar-only", f"{package}={version}")
        found = sorted(self._folder.glob(f"{package}_*.orig.tar.*"))
        if len(found) != 1:
            raise CannotFetchError(f"Debian {self.suite} has no single upstream archive of {package} {version}")
        return found[0]

    def _apt(self, *words: str) -> None:
        done = subprocess.run(
            ["apt-get", *self._options, *words],
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise CannotFetchError(f"apt-get {words[0]} for Debian {self.suite} failed: {done.stderr.strip()[-300:]}")


def mirror() -> str:
    """The Debian mirror of this system's apt."""
    if not KEYRING.exists():
        raise CannotFetchError(f"needs Debian's keys in {KEYRING}")
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if found := re.fullmatch(r"Debian (https?://\S+?/debian)/?", line):
            return found.group(1)
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        text = path.read_text(errors="replace") if path.is_file() else ""
        if found := re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(https?://\S+?/debian)/?\s", text, re.M):
            return found.group(1)
    raise CannotFetchError("this system's apt names no Debian mirror")
