"""Why a scheduler cannot be joined is told, with what to change: real schedulers, real certificates."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import authority, member
from loopback_lab import Lab, wait_for

from latency_bench.harness.campaign import scheduler_check
from latency_bench.harness.campaign.cluster_settings import ClusterSettings, Tls
from latency_bench.harness.campaign.scheduler_check import scheduler_trouble


@pytest.fixture
def secured(tmp_path: Path, lab_server: str | None) -> Iterator[Lab]:
    lab = Lab(tmp_path, member(tmp_path, "lab", authority(tmp_path, "ours"), "ours"), server=lab_server)
    yield lab
    lab.end()


def _settings(lab: Lab, files: tuple[Path, Path, Path] | None) -> ClusterSettings:
    kind = "tls" if files else "tcp"
    return ClusterSettings(f"{kind}://127.0.0.1:{lab.port}", Tls(*files) if files else None, True)


def test_with_tls_every_reason_is_told_apart(secured, tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler_check, "ANSWER_S", 1.0)
    assert scheduler_trouble(_settings(secured, secured.tls)) is None
    theirs = authority(tmp_path, "theirs")
    alien = scheduler_trouble(_settings(secured, member(tmp_path, "alien", theirs, "theirs")))
    assert alien is not None
    assert "its certificate is not accepted" in alien
    unsigned = scheduler_trouble(_settings(secured, member(tmp_path, "unsigned", theirs, "ours")))
    assert unsigned is not None
    assert "does not accept our certificate" in unsigned
    ca, certificate, _ = secured.tls
    mixed = scheduler_trouble(_settings(secured, (ca, certificate, tmp_path / "alien.key")))
    assert mixed is not None
    assert "cannot be used together" in mixed
    clear = scheduler_trouble(_settings(secured, None))
    assert clear is not None
    assert "give tls:// and certificates" in clear


def test_a_certificate_that_is_expired_is_said(tmp_path, lab_server):
    signer = authority(tmp_path, "ours")
    long_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30)
    lab = Lab(tmp_path, member(tmp_path, "lab", signer, "ours"), server=lab_server)
    try:
        old = member(tmp_path, "old", signer, "ours", now=long_ago)
        trouble = scheduler_trouble(_settings(lab, old))
        assert trouble is not None
        assert "expired" in trouble
    finally:
        lab.end()


def test_without_tls_every_reason_is_told_apart(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler_check, "ANSWER_S", 1.0)
    assert scheduler_trouble(_settings(lab, None)) is None
    files = member(tmp_path, "lab", authority(tmp_path, "ours"), "ours")
    tls = scheduler_trouble(_settings(lab, files))
    assert tls is not None
    assert "does not speak TLS" in tls or "does not answer in TLS" in tls
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        assert "nobody listens" in str(scheduler_trouble(ClusterSettings(address, None, True)))
    unknown = ClusterSettings("tcp://no-such-host.invalid:8786", None, False)
    assert "is not known here" in str(scheduler_trouble(unknown))


def test_a_host_that_cannot_join_says_why(lab):
    lab.scheduler.kill()
    lab.scheduler.wait()
    lab.host("bench-a")
    log = lab.folder / "host.log"
    wait_for(lambda: log.exists() and "cannot join" in log.read_text(), "the host to say why it cannot join")
    assert "nobody listens there" in log.read_text()
