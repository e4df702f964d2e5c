"""What runs on the device, run here without a connection."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from latency_bench.devices.transports.ssh_scripts import AGENT, LAUNCH

RM_THAT_IS_TOO_EARLY = """\
#!/bin/sh
[ -e "$0.called" ] && exec /bin/rm "$@"
: >"$0.called"
echo "rm: cannot remove: Directory not empty" >&2
exit 1
"""


def test_a_folder_that_cannot_be_removed_at_once_is_removed_a_little_later(tmp_path: Path) -> None:
    """A command that was just being started leaves its mark in the folder while that is emptied."""
    programs, home = tmp_path / "programs", tmp_path / "home"
    programs.mkdir()
    home.mkdir()
    (programs / "rm").write_text(RM_THAT_IS_TOO_EARLY)
    (programs / "rm").chmod(0o755)
    agent = subprocess.run(
        ["/bin/sh", "-c", LAUNCH, "sh", AGENT, "bench-agent", "nonce", "work", "20"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}"},
    )
    assert f"nonce ready {home}/work/session." in agent.stdout
    assert (programs / "rm.called").exists()
    assert list((home / "work").glob("session.*")) == []
