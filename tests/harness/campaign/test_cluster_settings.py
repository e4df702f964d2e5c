"""No connection that anybody could join, unless that is what was asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from latency_bench.harness.campaign.cluster_settings import cluster_settings
from latency_bench.harness.errors import UsageError

TLS = (Path("ca.pem"), Path("cert.pem"), Path("key.pem"))
NONE = (None, None, None)


@pytest.mark.parametrize(
    ("address", "files", "insecure", "expected"),
    [
        ("tls://lab:8786", TLS, False, "tls://lab:8786"),
        ("lab:8786", TLS, False, "tls://lab:8786"),
        ("tcp://127.0.0.1:8786", NONE, True, "tcp://127.0.0.1:8786"),
        ("localhost:8786", NONE, True, "tcp://localhost:8786"),
        ("[::1]:8786", NONE, True, "tcp://[::1]:8786"),
        ("10.0.0.7:8786", NONE, True, "tcp://10.0.0.7:8786"),
    ],
)
def test_addresses_that_may_be_used(address, files, insecure, expected):
    settings = cluster_settings(address, *files, insecure)
    assert settings is not None
    assert settings.address == expected
    assert (settings.tls is not None) == expected.startswith("tls")


@pytest.mark.parametrize(
    ("address", "files", "insecure"),
    [
        ("tcp://10.0.0.7:8786", NONE, False),
        ("lab:8786", NONE, False),
        ("127.0.0.1:8786", NONE, False),
        ("localhost:8786", NONE, False),
        ("127.0.0.1.evil.example:8786", NONE, False),
        ("tcp://lab:8786", TLS, False),
        ("tls://lab:8786", NONE, True),
        ("tls://lab:8786", (TLS[0], TLS[1], None), False),
        ("lab", TLS, False),
        ("lab:0", TLS, False),
        ("ucx://lab:8786", TLS, False),
        ("tls://user:secret@lab:8786", TLS, False),
        ("tls://lab:8786/$(id)", TLS, False),
        (None, TLS, False),
        (None, NONE, True),
    ],
)
def test_addresses_that_may_not(address, files, insecure):
    with pytest.raises(UsageError):
        cluster_settings(address, *files, insecure)


def test_no_scheduler_is_this_host():
    assert cluster_settings(None, *NONE, False) is None


def test_with_tls_dask_is_told_to_encrypt_and_to_prove_itself_in_every_role():
    settings = cluster_settings("tls://lab:8786", *TLS, False)
    assert settings is not None
    security = settings.security()
    assert security.require_encryption is True
    for role in ("client", "worker"):
        assert getattr(security, f"tls_{role}_cert") == "cert.pem"
        assert getattr(security, f"tls_{role}_key") == "key.pem"
    assert security.tls_ca_file == "ca.pem"


def test_what_dask_says_of_itself_is_not_printed():
    """Said is what it means, in our own words; a connection that breaks would show tracebacks of its callbacks."""
    script = (
        "import dask, logging; from latency_bench.harness.campaign.host import QUIET; dask.config.set(QUIET); "
        "import distributed; "
        "[logging.getLogger(name).error('Exception in callback') for name in sys.argv[1:]]"
    )
    command = [sys.executable, "-c", f"import sys; {script}", "distributed.worker", "tornado.application"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
