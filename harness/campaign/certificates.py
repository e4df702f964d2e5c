"""An authority of a cluster's own, and certificates of its hosts."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.layout import is_name

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

AUTHORITY = "ca"
_CLOCKS_APART = datetime.timedelta(hours=1)
"""A certificate is good from a little before now: clocks of hosts differ."""


def make_certificates(folder: Path, hosts: Sequence[str], days: int) -> list[Path]:
    """A certificate and a key for each host, signed by the authority in `folder`, which is made where there is none.

    Gives the files that were made; keys are readable for their owner alone. Raises UsageError for names that cannot be
    files', for a host that has a certificate already, and where the folder cannot be used.
    """
    for host in hosts:
        if not is_name(host) or host == AUTHORITY:
            raise UsageError(f"{host[:100]!r} cannot be a certificate's name; use letters, digits, `.`, `_` and `-`")
        if (folder / f"{host}.pem").exists() or (folder / f"{host}.key").exists():
            raise UsageError(f"{folder / host}.pem is there already; remove it and its key to make new ones")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made: list[Path] = []
        signer = _authority(folder, days, made)
        for host in dict.fromkeys(hosts):
            _make(folder, host, days, signer, made)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror or error}") from error
    return made


def _authority(folder: Path, days: int, made: list[Path]) -> tuple[Any, Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificate, key = folder / f"{AUTHORITY}.pem", folder / f"{AUTHORITY}.key"
    if not certificate.exists() and not key.exists():
        return _make(folder, AUTHORITY, days, None, made)
    try:
        signer = load_pem_private_key(key.read_bytes(), None)
        return signer, x509.load_pem_x509_certificate(certificate.read_bytes())
    except (ValueError, TypeError, FileNotFoundError) as error:
        raise UsageError(f"the authority in {folder} cannot be used ({error}); choose another folder") from error


def _make(
    folder: Path, name: str, days: int, signer: tuple[Any, Certificate] | None, made: list[Path]
) -> tuple[Any, Certificate]:
    """A key and its certificate; `signer` None: an authority, which signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as serial
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    common_name = "bench authority" if signer is None else name
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    constraints = x509.BasicConstraints(ca=signer is None, path_length=0 if signer is None else None)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[1].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_APART)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer[0] if signer else key, hashes.SHA256())
    )
    private = key.private_bytes(serial.Encoding.PEM, serial.PrivateFormat.PKCS8, serial.NoEncryption())
    for path, content, mode in (
        (folder / f"{name}.key", private, 0o600),
        (folder / f"{name}.pem", certificate.public_bytes(serial.Encoding.PEM), 0o644),
    ):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        made.append(path)
    return key, certificate
