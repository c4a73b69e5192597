"""The certificate of the SMTP door, for STARTTLS (RFC 3207)."""

from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext, SSLError

from embedded.errors import CannotRun


class TlsFilesUnusable(CannotRun):
    """The certificate or its key cannot be used; the message says why."""


def read_tls(certificate: Path | None, key: Path | None) -> SSLContext | None:
    """What STARTTLS needs; None without a certificate. Raises `TlsFilesUnusable`."""
    if certificate is None:
        return None
    context = SSLContext(PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, SSLError, ValueError) as error:
        raise TlsFilesUnusable(
            f"--smtp-cert {certificate} with --smtp-key {key or certificate} cannot be used: {error}. Both must be PEM "
            "files, the key without a passphrase and the certificate's own."
        ) from error
    return context


def _no_passphrase() -> str:
    """OpenSSL would ask at the terminal."""
    raise ValueError("the key has a passphrase")
