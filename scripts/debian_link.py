"""Programs that are linked to libraries of another Debian suite, which lie unpacked in a folder."""

from __future__ import annotations

from pathlib import Path


def libraries_of(root: Path) -> Path:
    """The folder of this machine's libraries below an unpacked suite."""
    return next(path for path in (root / "usr/lib").glob("*-linux-gnu*") if path.is_dir())


def link_flags(libraries: Path, final: Path) -> list[str]:
    """For a linker that has the libraries in `libraries`; the program finds them in `final`. They are newer than this
    system's C library, so the program starts through the loader beside them."""
    loader = next(libraries.glob("ld-linux*.so*"))
    found_there = [f"-Wl,-rpath,{final}", "-Wl,--disable-new-dtags", f"-Wl,--dynamic-linker={final / loader.name}"]
    return [f"-L{libraries}", *found_there, "-Wl,--allow-shlib-undefined"]
