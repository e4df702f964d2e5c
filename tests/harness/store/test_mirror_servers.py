"""Stores on real servers of other protocols: FTP by pyftpdlib, SFTP by OpenSSH's sftp-server, a folder by `local://`."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latency_bench.harness.store import address, mirrors
from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.errors import StoreError, StoreUnreachableError
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.location import store_location
from latency_bench.harness.store.reader import run_names, run_paths
from latency_bench.harness.store.verify import verify_store
from tests.loopback_sshd import started, unused_port

USER, PASSWORD = "lab", "secret-of-the-lab"
SSHD = shutil.which("sshd", path=f"/usr/sbin:{os.environ.get('PATH', '')}")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(address, "ANSWER_S", 120.0)
    monkeypatch.setattr(address, "AWAY_S", 0.0)
    yield
    mirrors._OPEN.clear()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the servers show."""
    return tmp_path_factory.mktemp("there")


@pytest.fixture(scope="module")
def ftp_port(there: Path) -> Iterator[int]:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(there), perm="elradfmwMT")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "auth_failed_timeout": 0})
    server = FTPServer(("127.0.0.1", 0), handler)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            server.serve_forever(timeout=0.05, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.address[1]
    over.set()
    thread.join()
    server.close_all()


@pytest.fixture(scope="module")
def sftp_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Port of a server, and the home of a user whose key it knows."""
    if SSHD is None:
        pytest.skip("OpenSSH's server is not installed: run scripts/install_test_tools.sh")
    home = tmp_path_factory.mktemp("home")
    (home / ".ssh").mkdir(mode=0o700)
    for key in (home / "host_key", home / ".ssh" / "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    port = unused_port()
    (home / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host_key\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {home}/.ssh/id_ed25519.pub\nPasswordAuthentication yes\nPermitRootLogin yes\n"
        "Subsystem sftp /usr/lib/openssh/sftp-server\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = started([SSHD, "-D", "-e", "-f", str(home / "sshd_config")], home / "sshd.log", port)
    yield port, home
    process.terminate()
    process.wait()


@pytest.fixture(params=["ftp", "sftp", "local"])
def url(request: pytest.FixtureRequest, there: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a store that does not exist yet."""
    if request.param == "ftp":
        yield f"ftp://{USER}:{PASSWORD}@127.0.0.1:{request.getfixturevalue('ftp_port')}/runs"
    elif request.param == "sftp":
        port, home = request.getfixturevalue("sftp_home")
        monkeypatch.setenv("HOME", str(home))
        yield f"sftp://{_user()}@127.0.0.1:{port}{there}/runs"
    else:
        yield f"local://{there}/runs"
    shutil.rmtree(there / "runs", ignore_errors=True)


def _user() -> str:
    import getpass

    return getpass.getuser()


@pytest.fixture
def source(store_run: Callable[..., Path], tmp_path: Path) -> Path:
    """A folder with two runs."""
    store_run()
    store_run(run_id="20261122T101501Z-3f9a1c", device="orin", failed=True)
    return tmp_path / "store"


@pytest.fixture
def another_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """another_computer(): from here on nothing is known of the address."""

    def become() -> None:
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path / f"cache-{time.monotonic_ns()}"))
        mirrors._OPEN.clear()

    return become


@pytest.mark.filterwarnings("error::latency_bench.harness.store.errors.NotSentWarning")
def test_a_store_is_filled_listed_verified_and_fetched(url, source, another_computer, tmp_path):
    assert run_names(store_location(url)) == []
    assert len(import_runs(store_location(url), source).added) == 2
    another_computer()
    store = store_location(url)
    assert [row["device"] for row in find_rows(store)] == ["orin", "local"]
    write_archive(run_paths(store), tmp_path / "fetched.tar")
    write_archive(run_paths(source), tmp_path / "original.tar")
    assert (tmp_path / "fetched.tar").read_bytes() == (tmp_path / "original.tar").read_bytes()
    assert verify_store(store).findings == []


def test_a_run_that_is_deleted_twice_is_gone_twice(url, source, there):
    name = run_names(source)[0]
    for _ in range(2):
        mirrors._OPEN.clear()
        import_runs(store_location(url), source)
        shutil.rmtree(there / "runs" / name)
        mirrors._OPEN.clear()
        assert run_names(store_location(url)) == run_names(source)[1:]


@pytest.mark.parametrize("protocol", ["ftp", "sftp"])
def test_a_wrong_password_is_said_in_one_line_without_it(protocol, request, there, own_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    port = request.getfixturevalue("ftp_port") if protocol == "ftp" else request.getfixturevalue("sftp_home")[0]
    user = USER if protocol == "ftp" else _user()
    store = store_location(f"{protocol}://{user}:wr0ng-w0rd@127.0.0.1:{port}{there}/runs")
    with pytest.raises(StoreError, match="refuses access") as caught:
        run_names(store)
    assert not isinstance(caught.value, StoreUnreachableError), "waiting does not help"
    assert "wr0ng-w0rd" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
