"""STARTTLS at the SMTP door."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from embedded.smtp_tls import TlsFilesUnusable, read_tls
from tests.embedded.smtp_client import ANNA, MAIL, Client, Door, opened


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signed itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return certificate_file, key_file


def test_with_a_certificate_mail_can_come_encrypted(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with opened(tls=read_tls(*certificate)) as door:
        client = Client("localhost", door.port, timeout=20)
        client.ehlo("mail.example")
        assert client.has_extn("starttls")
        client.starttls(context=trusting)
        client.ehlo("mail.example")
        assert not client.has_extn("starttls")
        assert not client.has_extn("auth")
        raw = b"x" * 150_000 + b"\r\n.\r\n"
        assert client.deliver(raw)[0] == 250
        client.quit()
        with door.client() as plain:
            assert plain.deliver(MAIL)[0] == 250
    assert door.mails() == [raw, MAIL]


def test_commands_sent_before_the_encryption_are_not_obeyed_after_it(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with opened(tls=read_tls(*certificate)) as door:
        client = Client("localhost", door.port, timeout=20)
        client.ehlo("mail.example")
        client.send(f"STARTTLS\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<{ANNA}>\r\n")
        assert client.getreply()[0] == 220
        assert client.sock is not None
        client.sock = trusting.wrap_socket(client.sock, server_hostname="localhost")
        client.file = None
        client.ehlo("mail.example")
        client.command("RCPT TO:<anna@agents.test>", 503)
        client.quit()


def test_a_client_that_fails_at_the_encryption_harms_nobody(certificate: tuple[Path, Path]) -> None:
    with opened(tls=read_tls(*certificate)) as door:
        client = door.client()
        with pytest.raises(ssl.SSLError):
            client.starttls(context=ssl.create_default_context())
        client.close()
        with door.client() as other:
            assert other.deliver(MAIL)[0] == 250


def test_a_certificate_that_cannot_be_used_is_told_in_a_sentence(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    locked = tmp_path / "locked.pem"
    key = serialization.load_pem_private_key(certificate[1].read_bytes(), None)
    pkcs8, passphrase = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, passphrase))
    absent = tmp_path / "absent.pem"
    for files in ((absent, None), (certificate[0], absent), (certificate[0], locked), certificate[::-1]):
        with pytest.raises(TlsFilesUnusable, match=r"--smtp-cert .* cannot be used"):
            read_tls(*files)


def test_without_a_certificate_encryption_is_not_offered(door: Door) -> None:
    with door.client() as client:
        assert not client.has_extn("starttls")
        client.command("STARTTLS", 454)
