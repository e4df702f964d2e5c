from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latency_bench.harness.store.errors import RunExistsError, StoreError, StoreFullError
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import open_run, run_paths
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.verify import verify_store
from latency_bench.harness.store.writer import RunWriter

RUN_ID = "20261122T101500Z-3f9a1c"
NOBODY = 65534
MakeRecord = Callable[..., RunRecord]
StoreRun = Callable[..., Path]


def _everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_run_is_stored_whole_with_the_hashes_of_its_files(tmp_path: Path, store_run: StoreRun) -> None:
    path = store_run()
    assert path == tmp_path / "store" / "local" / "b1-seg" / RUN_ID
    assert _everything_in(path) == ["SHA256SUMS", "evidence", "evidence/worker.log", "record.json", "samples.parquet"]
    record = open_run(tmp_path / "store", RUN_ID).record
    assert set(record.files) == {"evidence/worker.log", "samples.parquet"}
    for relative, file in record.files.items():
        content = (path / relative).read_bytes()
        assert (file.sha256, file.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert os.listdir(path.parent) == [RUN_ID]


def test_nothing_is_visible_before_the_commit(tmp_path: Path, make_record: MakeRecord) -> None:
    with RunWriter(tmp_path, "local", "b1-seg", RUN_ID) as writer:
        writer.add_evidence("a.log", "x")
        assert run_paths(tmp_path) == []
        writer.commit(make_record(failed=True))
        assert [path.name for path in run_paths(tmp_path)] == [RUN_ID]


def test_stored_files_are_read_only_and_no_more_open_than_the_users_mask(store_run: StoreRun) -> None:
    before = os.umask(0o077)
    try:
        path = store_run()
    finally:
        os.umask(before)
    assert {oct(file.stat().st_mode & 0o777) for file in path.rglob("*") if file.is_file()} == {"0o400"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_leaving_by_an_exception_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    store = tmp_path / "store"

    def write() -> None:
        with RunWriter(store, "local", "b1-seg", RUN_ID) as writer:
            writer.add_evidence("a.log", "x")
            assert _everything_in(store)
            raise error

    with pytest.raises(error):
        write()
    assert not store.exists()


def test_leaving_without_a_commit_leaves_nothing_but_what_was_there(tmp_path: Path, store_run: StoreRun) -> None:
    store_run()
    before = _everything_in(tmp_path)
    with RunWriter(tmp_path / "store", "local", "b1-seg", "20261122T101500Z-000000") as writer:
        writer.add_evidence("a.log", "x")
    assert _everything_in(tmp_path) == before


def test_a_stored_run_is_never_overwritten(tmp_path: Path, store_run: StoreRun, make_record: MakeRecord) -> None:
    path = store_run()
    content = (path / "record.json").read_bytes()
    with pytest.raises(RunExistsError):
        store_run()
    late = tmp_path / "late"
    with RunWriter(late, "local", "b1-seg", RUN_ID) as writer:
        # Another host commits the same id after this writer looked.
        shutil.copytree(path, late / "local" / "b1-seg" / RUN_ID)
        with pytest.raises(RunExistsError):
            writer.commit(make_record(failed=True))
    assert (late / "local" / "b1-seg" / RUN_ID / "record.json").read_bytes() == content
    assert os.listdir(late / "local" / "b1-seg") == [RUN_ID]


def test_the_record_has_to_be_this_runs(tmp_path: Path, make_record: MakeRecord) -> None:
    with (
        pytest.raises(ValueError, match=r"model 'b1-seg', the writer of 'b2-seg'"),
        RunWriter(tmp_path, "local", "b2-seg", RUN_ID) as writer,
    ):
        writer.commit(make_record(failed=True))


def test_a_file_is_added_once(tmp_path: Path) -> None:
    with RunWriter(tmp_path, "local", "b1-seg", RUN_ID) as writer:
        writer.add_evidence("a.log", "x")
        with pytest.raises(StoreError, match=r"evidence/a\.log was added"):
            writer.add_evidence("a.log", "y")


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    with RunWriter(tmp_path / "store", "local", "b1-seg", RUN_ID) as writer:
        temporary = next((tmp_path / "store" / "local" / "b1-seg").iterdir())
        (temporary / "samples.parquet").symlink_to(outside)
        with pytest.raises(StoreError, match="exists"):
            writer.write_samples([])
    assert outside.read_text() == "mine"


def test_text_that_is_no_unicode_is_kept_as_evidence(tmp_path: Path, make_record: MakeRecord) -> None:
    with RunWriter(tmp_path, "local", "b1-seg", RUN_ID) as writer:
        writer.add_evidence("a.log", "caf\udce9")
        path = writer.commit(make_record(failed=True))
    assert (path / "evidence" / "a.log").read_bytes() == b"caf\\udce9"


def _stops(tmp_path: Path, action: str) -> list[Path]:
    program = Path(__file__).with_name("interrupted_writing.py")
    count = int(subprocess.check_output([sys.executable, str(program), str(tmp_path), action]))
    assert count > 12
    return [tmp_path / str(number) for number in range(1, count + 1)]


def _is_whole(store: Path) -> bool:
    runs = list(find_rows(store, on_broken=lambda broken: pytest.fail(f"visible but broken: {broken}")))
    return len(runs) == 1


def test_kill_9_at_any_file_operation_leaves_a_whole_run_or_none(tmp_path: Path) -> None:
    stores = _stops(tmp_path, "kill")
    torn = 0
    for store in stores:
        findings = verify_store(store).findings
        if _is_whole(store):
            assert findings == []
        elif findings:
            torn += 1
            assert [("died" in one.problem, one.path.name[:5]) for one in findings] == [(True, ".tmp-")]
    assert torn > 5
    assert _is_whole(stores[-1])


def test_ctrl_c_at_any_file_operation_leaves_a_whole_run_or_nothing(tmp_path: Path) -> None:
    stores = _stops(tmp_path, "interrupt")
    for store in stores[:-1]:
        if not _is_whole(store):
            # Removing is itself a few file operations; those that come after the stop all happen.
            assert not store.exists(), _everything_in(store)
    assert _is_whole(stores[-1])


def test_ctrl_c_from_the_keyboard_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom latency_bench.harness.store.writer import RunWriter\n"
        f"with RunWriter(Path(sys.argv[1]), 'local', 'b1-seg', '{RUN_ID}') as writer:\n"
        "    writer.add_evidence('a.log', 'x')\n    print('writing', flush=True)\n    time.sleep(300)\n"
    )
    store = tmp_path / "store"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(store)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"writing\n"
    assert verify_store(store).findings == []  # its writer lives
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert b"KeyboardInterrupt" in errors
    assert not store.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_at_any_write_leaves_nothing(
    tmp_path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real, left = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        # File systems that allocate late report a full disk here.
        left[0] -= 1
        if left[0] == 0:
            raise OSError(code, os.strerror(code))
        real(descriptor)

    def write() -> None:
        with RunWriter(store, "local", "b1-seg", RUN_ID) as writer:
            writer.add_evidence("a.log", "x")
            writer.commit(make_record(failed=True))

    monkeypatch.setattr(os, "fsync", fsync)
    store = tmp_path / "store"
    for full_at in range(1, 5):
        left[0] = full_at
        with pytest.raises(StoreFullError, match=r"Free space there or choose another place with --store"):
            write()
        assert not store.exists()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_a_file_system_that_forces_no_folders_to_the_disk_keeps_runs_all_the_same(
    tmp_path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with RunWriter(tmp_path / "store", "local", "b1-seg", RUN_ID) as writer:
        writer.add_evidence("a.log", "x")
        assert writer.commit(make_record(failed=True)).is_dir()


def test_a_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom latency_bench.harness.store.errors import StoreFullError\n"
        "from latency_bench.harness.store.writer import RunWriter\n"
        "try:\n"
        f"    with RunWriter(Path(sys.argv[1]), 'local', 'b1-seg', '{RUN_ID}') as writer:\n"
        "        writer.add_evidence('a.log', bytes(100_000))\n"
        "except StoreFullError as error:\n    print(error)\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    store = tmp_path / "store"
    said = subprocess.check_output([sys.executable, "-B", "-c", program, str(store)], text=True, preexec_fn=limit)
    assert "a.log" in said
    assert "Free space" in said
    assert not store.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_really_full_disk_leaves_nothing_and_works_again_afterwards(
    small_disk: Path, make_record: MakeRecord
) -> None:
    def fill() -> None:
        with RunWriter(small_disk / "store", "local", "b1-seg", RUN_ID) as writer:
            for number in range(100):
                writer.add_evidence(f"log-{number}", bytes(20_000))

    with pytest.raises(StoreFullError, match=r"evidence/log-\d+.*No space left"):
        fill()
    assert list(small_disk.iterdir()) == []
    with RunWriter(small_disk / "store", "local", "b1-seg", RUN_ID) as writer:
        writer.commit(make_record(failed=True))
    assert verify_store(small_disk / "store").runs == 1


@pytest.fixture
def plain_user() -> Iterator[None]:
    """Files are reached with the rights of nobody where the tests run as root, who may write anywhere."""
    libc = ctypes.CDLL(None)
    own = os.geteuid()
    libc.setfsuid(own or NOBODY)
    yield
    libc.setfsuid(own)


def test_a_store_that_may_not_be_written_says_so(plain_user: None) -> None:
    with pytest.raises(StoreError, match="may write"), RunWriter(Path("/usr/store"), "local", "b1-seg", RUN_ID):
        pass


def test_a_file_in_the_way_says_so(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("")
    with pytest.raises(StoreError, match="cannot create"), RunWriter(tmp_path, "local", "b1-seg", RUN_ID):
        pass


def test_folders_that_another_writer_removes_meanwhile_are_made_again(
    tmp_path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, removed = Path.mkdir, []

    def mkdir(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        if path.name.startswith(".tmp-") and len(removed) < 3:
            path.parent.rmdir()
            removed.append(path)
        real(path, mode, parents, exist_ok)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with RunWriter(tmp_path / "store", "local", "b1-seg", RUN_ID) as writer:
        assert len(removed) == 3
        writer.commit(make_record(failed=True))
    assert verify_store(tmp_path / "store").runs == 1


def test_two_writers_of_one_store_do_not_disturb_each_other(tmp_path: Path) -> None:
    # Every second run is given up, so that empty folders vanish under the other's feet.
    program = (
        "import sys\nfrom pathlib import Path\nfrom latency_bench.harness.store.layout import new_run_id\n"
        "from latency_bench.harness.store.writer import RunWriter\n"
        "for number in range(60):\n"
        "    with RunWriter(Path(sys.argv[1]), f'device-{number % 3}', 'b1-seg', new_run_id()) as writer:\n"
        "        writer.add_evidence('a.log', 'x')\n"
        "    print(number, flush=True)\n"
    )
    store = tmp_path / "store"
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(store)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for writer in writers:
        output, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors.decode()
        assert len(output.split()) == 60
    assert not store.exists()
