"""Archives as they leave one store and enter another, and archives that mean harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latency_bench.harness.store import importing
from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.archive_reader import Limits, read_archive
from latency_bench.harness.store.errors import (
    ArchiveError,
    BrokenRunError,
    StoreError,
    StoreFullError,
    StoreLocationError,
)
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.reader import run_names, run_paths
from latency_bench.harness.store.verify import verify_store

StoreRun = Callable[..., Path]

FIRST, SECOND = "20261122T101500Z-3f9a1c", "20261122T101501Z-aaaaaa"
NAMES = [f"orin/l2-seg/{SECOND}", f"local/b1-seg/{FIRST}"]


@pytest.fixture
def store(tmp_path: Path, store_run: StoreRun) -> Path:
    store_run(run_id=FIRST)
    store_run(run_id=SECOND, device="orin", model="l2-seg", failed=True)
    return tmp_path / "store"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def _content(store: Path) -> dict[str, bytes]:
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def _tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _members(store: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(tarfile.TarInfo(name), content) for name, content in sorted(_content(store).items())]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".tar.zst"])
def test_what_is_exported_is_imported_byte_for_byte(store: Path, there: Path, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"runs{ending}"
    assert write_archive(run_paths(store), file) == 2
    outcome = import_runs(there, file)
    assert (outcome.added, outcome.present, outcome.refused) == (NAMES, [], {})
    assert _content(there) == _content(store)
    assert verify_store(there).findings == []
    assert {path.name for path in there.iterdir()} == {"local", "orin"}


def test_an_archive_is_one_for_tar_and_the_same_every_time(store: Path, tmp_path: Path) -> None:
    for name in ("a.tar.gz", "b.tar.gz"):
        write_archive(run_paths(store), tmp_path / name)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "xzf", tmp_path / "a.tar.gz", "-C", tmp_path / "unpacked"], check=True)
    assert _content(tmp_path / "unpacked") == _content(store)
    run = tmp_path / "unpacked" / NAMES[1]
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=run, check=True, capture_output=True, text=True)
    assert sorted(checked.stdout.split("\n")[:-1]) == [
        "evidence/worker.log: OK",
        "record.json: OK",
        "samples.parquet: OK",
    ]


def test_longest_names_survive(tmp_path: Path, store_run: StoreRun, there: Path) -> None:
    run = store_run(device="d" * 80, model="m" * 80)
    write_archive([run], tmp_path / "runs.tar")
    assert import_runs(there, tmp_path / "runs.tar").added == [f"{'d' * 80}/{'m' * 80}/{FIRST}"]


def test_a_run_that_is_not_whole_is_not_exported_and_no_file_is_left(store: Path, tmp_path: Path) -> None:
    samples = store / NAMES[1] / "samples.parquet"
    samples.unlink()
    samples.write_bytes(b"x")
    before = sorted(tmp_path.glob("*.*"))
    with pytest.raises(BrokenRunError, match=r"samples\.parquet: has 1 bytes.*--set-aside"):
        write_archive(run_paths(store), tmp_path / "runs.tar.zst")
    assert sorted(tmp_path.glob("*.*")) == before


def test_a_name_that_is_no_archives_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreLocationError, match=r"\.tar, \.tar\.gz, \.tgz, \.tar\.zst"):
        write_archive(run_paths(store), tmp_path / "runs.zip")


def test_runs_that_are_there_stay_and_others_of_their_id_are_refused(
    store: Path, there: Path, tmp_path: Path, store_run: StoreRun
) -> None:
    write_archive(run_paths(store), tmp_path / "runs.tar")
    import_runs(there, tmp_path / "runs.tar")
    again = import_runs(there, tmp_path / "runs.tar")
    assert (again.added, again.present, again.refused) == ([], NAMES, {})
    shutil.rmtree(store / "local")
    store_run(run_id=FIRST, command=["bench", "run", "another"])
    write_archive(run_paths(store), tmp_path / "other.tar")
    before = _content(there)
    other = import_runs(there, tmp_path / "other.tar")
    assert (other.added, other.present) == ([], NAMES[:1])
    assert "another run with this id, which stays" in other.refused[NAMES[1]]
    assert _content(there) == before


def test_a_store_is_imported_like_an_archive(store: Path, there: Path) -> None:
    assert import_runs(there, store).added == NAMES
    assert _content(there) == _content(store)


def test_of_a_store_a_broken_run_is_refused_and_the_others_taken(store: Path, there: Path) -> None:
    record = store / NAMES[1] / "record.json"
    record.unlink()
    record.write_text("{")
    outcome = import_runs(there, store)
    assert outcome.added == NAMES[:1]
    assert list(outcome.refused) == NAMES[1:]
    assert str(there) not in outcome.refused[NAMES[1]]
    assert run_names(there) == NAMES[:1]


def test_a_link_in_a_store_is_not_followed(store: Path, there: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("loaded in 0.3 s\n")
    log = store / NAMES[1] / "evidence" / "worker.log"
    log.unlink()
    log.symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError, match=r"worker\.log"):
        import_runs(there, store)
    assert not there.exists()


def test_what_is_neither_archive_nor_store_is_said(there: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreLocationError, match="neither an archive"):
        import_runs(there, tmp_path / "nothing")
    with pytest.raises(StoreLocationError, match="does not hold any run"):
        import_runs(there, tmp_path)
    assert not there.exists()


def _named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = link
    return member


HOSTILE = [
    _named(f"../{NAMES[1]}/record.json"),
    _named(f"/{NAMES[1]}/record.json"),
    _named(f"local/../../b1-seg/{FIRST}/record.json"),
    _named(f"local/b1-seg/{FIRST}/../../../../record.json"),
    _named(f"local/b1-seg/{FIRST}/evidence/../../x"),
    _named(f"local/b1-seg/{FIRST}/evidence/.hidden"),
    _named(f"local/b1-seg/{FIRST}/evidence/a/b"),
    _named(f"local/b1-seg/{FIRST}/evidence/"),
    _named(f"local/b1-seg/{FIRST}/run.sh"),
    _named(f"local\\b1-seg/{FIRST}/record.json"),
    _named(f"local/b1-seg/.tmp-{FIRST}-1/record.json"),
    _named("record.json"),
    _named(f".quarantine/b1-seg/{FIRST}/record.json"),
    _named(f"local/b1-seg/{FIRST}/record.json", tarfile.SYMTYPE, "/etc/passwd"),
    _named(f"local/b1-seg/{FIRST}/record.json", tarfile.LNKTYPE, f"{NAMES[0]}/record.json"),
    _named(f"local/b1-seg/{FIRST}/record.json", tarfile.CHRTYPE),
    _named(f"local/b1-seg/{FIRST}/record.json", tarfile.BLKTYPE),
    _named(f"local/b1-seg/{FIRST}/record.json", tarfile.FIFOTYPE),
    _named(f"local/b1-seg/{FIRST}/record.json", tarfile.GNUTYPE_SPARSE),
]


@pytest.mark.parametrize("member", HOSTILE, ids=lambda member: f"{member.name}-{member.type!r}")
def test_a_hostile_member_means_that_nothing_is_imported(
    store: Path, there: Path, tmp_path: Path, member: tarfile.TarInfo
) -> None:
    good = [(one, content) for one, content in _members(store) if one.name.startswith(NAMES[0])]
    file = _tar(tmp_path / "hostile.tar", [*good, (member, b"")])
    with pytest.raises(ArchiveError, match=r"hostile\.tar.*Nothing was imported"):
        import_runs(there, file)
    assert not there.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.tar", "store"]


def test_folders_in_an_archive_are_passed_over(store: Path, there: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "cf", tmp_path / "runs.tar", "-C", store, "local", "orin"], check=True)
    assert sorted(import_runs(there, tmp_path / "runs.tar").added) == sorted(NAMES)


def test_files_of_one_run_lie_together_and_once(store: Path, there: Path, tmp_path: Path) -> None:
    members = _members(store)
    with pytest.raises(ArchiveError, match="do not lie together"):
        import_runs(there, _tar(tmp_path / "mixed.tar", [members[0], members[-1], *members[1:-1]]))
    with pytest.raises(ArchiveError, match="there twice"):
        import_runs(there, _tar(tmp_path / "twice.tar", [members[0], members[0]]))
    assert not there.exists()


def test_a_run_with_a_changed_byte_or_without_a_file_is_refused(store: Path, there: Path, tmp_path: Path) -> None:
    changed = [
        (one, content.replace(b"0.3 s", b"0.2 s") if one.name.endswith("worker.log") else content)
        for one, content in _members(store)
    ]
    outcome = import_runs(there, _tar(tmp_path / "changed.tar", changed))
    assert (outcome.added, len(outcome.refused)) == ([], 2)
    missing = [(one, content) for one, content in _members(store) if not one.name.endswith("samples.parquet")]
    outcome = import_runs(there, _tar(tmp_path / "missing.tar", missing))
    assert (outcome.added, outcome.refused) == (NAMES[:1], {NAMES[1]: "the file is missing."})


def test_a_record_of_another_place_is_refused(store: Path, there: Path, tmp_path: Path) -> None:
    moved = [
        (tarfile.TarInfo(one.name.replace("local/", "other/")), content)
        for one, content in _members(store)
        if one.name.startswith("local/")
    ]
    outcome = import_runs(there, _tar(tmp_path / "moved.tar", moved))
    assert outcome.added == []
    assert "not where it lies" in outcome.refused[f"other/b1-seg/{FIRST}"]
    assert not there.exists()


def test_an_archive_that_ends_early_is_refused_at_any_place(store: Path, there: Path, tmp_path: Path) -> None:
    for ending in (".tar", ".tar.gz", ".tar.zst"):
        file = tmp_path / f"runs{ending}"
        write_archive(run_paths(store), file)
        whole = file.read_bytes()
        for length in range(1, len(whole) - 1, max(1, len(whole) // 25)):
            file.write_bytes(whole[:length])
            if ending == ".tar" and whole[:length].endswith(bytes(1024)):
                continue  # what is missing are zeros behind the end
            with pytest.raises(ArchiveError, match="Nothing was imported"):
                import_runs(there, file)
            assert not there.exists()


def test_a_tar_that_ends_between_two_runs_is_refused(store: Path, there: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.tar"
    write_archive(run_paths(store), file)
    with tarfile.open(file) as archive:
        second_run = next(member.offset for member in archive if member.name.startswith(NAMES[1]))
    file.write_bytes(file.read_bytes()[:second_run])
    with pytest.raises(ArchiveError, match="its end is missing"):
        import_runs(there, file)
    assert not there.exists()


def test_what_is_no_archive_is_refused(there: Path, tmp_path: Path) -> None:
    for name in ("x.tar", "x.tar.gz", "x.tar.zst"):
        for content in (b"", b"no archive", bytes(range(256)) * 40):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ArchiveError, match=name):
                import_runs(there, tmp_path / name)
    assert not there.exists()


def test_sizes_and_counts_are_bounded(store: Path, there: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.tar.gz"
    write_archive(run_paths(store), file)
    for limits, complaint in (
        (Limits(total_bytes=10_000), "larger than allowed"),
        (Limits(file_bytes=100), "100 are allowed"),
        (Limits(files=3), "more than 3 files"),
    ):
        with pytest.raises(ArchiveError, match=complaint):
            import_runs(there, file, limits)
        assert not there.exists()


def test_a_bomb_is_not_unpacked(there: Path, tmp_path: Path) -> None:
    # A gibibyte of zeros behind a header that calls it an attribute: tarfile would read it into memory.
    header = tarfile.TarInfo("pax")
    header.type = tarfile.XHDTYPE
    header.size = 1 << 30
    file = tmp_path / "bomb.tar.gz"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        stream.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(64):
            stream.write(bytes(1 << 20))
    with pytest.raises(ArchiveError, match="header in it is larger"):
        list(read_archive(file))


def test_a_record_too_large_to_be_one_is_refused_by_its_stated_size(there: Path, tmp_path: Path) -> None:
    member = tarfile.TarInfo(f"{NAMES[1]}/record.json")
    member.size = 1 << 40
    (tmp_path / "x.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(ArchiveError, match="1099511627776 bytes"):
        import_runs(there, tmp_path / "x.tar")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 10**9), st.binary(min_size=1, max_size=12)), min_size=1, max_size=6))
def test_damage_anywhere_in_an_archive_never_leads_out_or_raises_anything_else(
    changes: list[tuple[int, bytes]], tmp_path_factory: pytest.TempPathFactory, store: Path
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    file, target = folder / "runs.tar", folder / "inside" / "there"
    write_archive(run_paths(store), file)
    content = bytearray(file.read_bytes())
    for place, new in changes:
        # Mostly in the headers, where it matters.
        at = place % len(content) if place % 3 else place % (len(content) // 512) * 512 + place // 7 % 512
        content[at : at + len(new)] = new
    file.write_bytes(bytes(content))
    try:
        outcome = import_runs(target, file)
    except ArchiveError:
        assert not target.exists()
    else:
        assert run_names(target) == sorted(outcome.added, key=lambda name: name.rpartition("/")[2], reverse=True)
        assert verify_store(target).findings == []
        original = _content(store)
        for name, found in _content(target).items() if target.exists() else ():
            assert found == original[name]
    assert {path.name for path in folder.iterdir()} <= {"runs.tar", "inside"}


def test_a_full_disk_during_an_import_leaves_nothing(
    store: Path, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(run_paths(store), tmp_path / "runs.tar")
    left = [0]

    def until_full(write: Callable[..., Any]) -> Callable[..., Any]:
        def writing(*words: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(28, os.strerror(28))
            return write(*words, **options)

        return writing

    for name in ("write_once", "force_to_disk"):
        monkeypatch.setattr(importing, name, until_full(getattr(importing, name)))
    stops = 0
    for full_at in range(1, 30):
        left[0] = full_at
        try:
            import_runs(there, tmp_path / "runs.tar")
        except StoreFullError:
            stops += 1
            assert verify_store(there).findings == []
            assert not list(there.glob(".tmp*"))
            shutil.rmtree(there, ignore_errors=True)
        else:
            break
    assert stops >= 7
    assert run_names(there) == NAMES


def test_an_import_that_was_killed_is_found_and_can_be_done_again(store: Path, there: Path, tmp_path: Path) -> None:
    write_archive(run_paths(store), tmp_path / "runs.tar")
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom latency_bench.harness.store import importing\n"
        "real = importing.put_in_place\n"
        "def put(*arguments, **options):\n    real(*arguments, **options)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "importing.put_in_place = put\nimporting.import_runs(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, there, tmp_path / "runs.tar"], check=False)
    assert done.returncode == -9
    result = verify_store(there)
    assert result.runs == 1
    assert [("unfinished import" in one.problem, one.folder == one.path) for one in result.findings] == [(True, True)]
    outcome = import_runs(there, tmp_path / "runs.tar")
    assert (len(outcome.added), len(outcome.present)) == (1, 1)
    assert json.loads((there / NAMES[0] / "record.json").read_text())["run_id"] == SECOND
