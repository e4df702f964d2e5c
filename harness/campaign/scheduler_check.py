"""Why a scheduler cannot be joined, in words: Dask itself only tries again, or says that the time is up."""

from __future__ import annotations

import contextlib
import socket
import ssl

from latency_bench.harness.campaign.cluster_settings import ClusterSettings, Tls

ANSWER_S = 5.0


def scheduler_trouble(settings: ClusterSettings) -> str | None:
    """What keeps this host from joining; None where nothing does."""
    host, _, port = settings.address.partition("://")[2].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S) as connection:
            return _trouble_in_clear(connection) if settings.tls is None else _tls_trouble(connection, settings.tls)
    except socket.gaierror:
        return f"the name {host} is not known here"
    except ConnectionRefusedError:
        return "nobody listens there; is `dask scheduler` running?"
    except TimeoutError:
        return f"it did not answer within {ANSWER_S:.0f} s; is the host on, and the port open?"
    except OSError as error:
        return error.strerror or str(error)


def _trouble_in_clear(connection: socket.socket) -> str | None:
    """A scheduler speaks first, unless it waits for the beginning of TLS."""
    try:
        if connection.recv(1):
            return None
    except TimeoutError:
        return "it says nothing in clear; if it was started with TLS, give tls:// and certificates"
    return "it ended the connection"


def _tls_trouble(connection: socket.socket, tls: Tls) -> str | None:
    try:
        context = ssl.create_default_context(cafile=str(tls.ca))
        context.check_hostname = False
        context.load_cert_chain(tls.certificate, tls.key)
    except (ssl.SSLError, OSError) as error:
        return f"the files {tls.ca}, {tls.certificate} and {tls.key} cannot be used together: {_words(error)}"
    try:
        with context.wrap_socket(connection) as secured:
            # With TLS 1.3 it is here that the other end says what it thinks of our certificate.
            with contextlib.suppress(TimeoutError):
                secured.recv(1)
            return None
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not accepted: {error.verify_message}; all hosts need one authority's"
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return "it does not speak TLS; start `dask scheduler` with --protocol tls and certificates"
        return f"it does not accept our certificate: {_words(error)}; all hosts need one authority's"
    except TimeoutError:
        return "it does not answer in TLS; was it started with --protocol tls?"


def _words(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return str(reason).lower().replace("_", " ").removeprefix("tlsv1 alert ").removeprefix("sslv3 alert ")
