"""Certificates for the hosts of a test: an authority of its own, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any


def authority(folder: Path, name: str) -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    return key, _certificate(folder / f"{name}.pem", name, key, None)


def member(
    folder: Path, name: str, signer: tuple[Any, Any], ca: str, now: datetime.datetime | None = None
) -> tuple[Path, Path, Path]:
    """CA, certificate and key files of a host; the certificate is good for a day before and after `now`."""
    from cryptography.hazmat.primitives import serialization as serial
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    _certificate(folder / f"{name}.pem", name, key, signer, now)
    private = key.private_bytes(serial.Encoding.PEM, serial.PrivateFormat.PKCS8, serial.NoEncryption())
    (folder / f"{name}.key").write_bytes(private)
    return folder / f"{ca}.pem", folder / f"{name}.pem", folder / f"{name}.key"


def _certificate(
    path: Path, name: str, key: Any, signer: tuple[Any, Any] | None, now: datetime.datetime | None = None
) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = now or datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[1].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(signer[0] if signer else key, hashes.SHA256())
    )
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    return built
