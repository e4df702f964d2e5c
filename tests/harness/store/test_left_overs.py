"""What killed writers leave in a store: no damage, and gone with the next run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from latency_bench.harness.store.left_overs import remove_left_overs, temporary_folders
from latency_bench.harness.store.verify import verify_store

KILLED = """
import os, signal, sys
from pathlib import Path
from latency_bench.harness.store.writer import RunWriter
writer = RunWriter(Path(sys.argv[1]), "phone", "b2-seg", "20261122T101501Z-aaaaaa")
writer.__enter__()
writer.add_evidence("a.log", "x")
if sys.argv[2] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
print("writing", flush=True)
sys.stdin.read()
"""


def test_the_next_run_removes_what_a_killed_one_left(store_run, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    assert subprocess.run([sys.executable, "-c", KILLED, str(store), "die"], check=False).returncode == -9
    (left,) = temporary_folders(store)
    (finding,) = verify_store(store).findings
    assert (finding.path, finding.is_damage) == (left, False)
    run = store_run()
    assert not left.exists()
    assert verify_store(store).findings == []
    assert run.is_dir()


def test_what_is_being_written_and_what_is_not_ours_stays(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store), "live"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "writing\n"
        (folder,) = temporary_folders(store)
        assert remove_left_overs(store) == []
        assert folder.is_dir()
        process.kill()
    (folder / ".owner").write_text("another-host")
    assert remove_left_overs(store) == []
    (tmp_path / "elsewhere").mkdir()
    link = Path(store / ".tmp-import-01234567-1")
    link.symlink_to(tmp_path / "elsewhere")
    assert remove_left_overs(store) == []
    assert (tmp_path / "elsewhere").is_dir()
