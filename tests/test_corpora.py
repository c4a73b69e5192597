"""The mails of tests/corpora are those that were taken, byte for byte: a checkout that changes line ends spoils them."""

from hashlib import sha256

from tests.corpora_mails import corpus_mails, corpus_names, reply_texts

TAKEN = "d1d427a72353726a167e501805da12632a871b5e68db045180d50d040274e5d6"


def test_no_byte_of_them_has_changed() -> None:
    digest = sha256()
    for name, mail in corpus_mails():
        digest.update(f"{name} {len(mail)}\n".encode())
        digest.update(mail)

    assert digest.hexdigest() == TAKEN


def test_all_of_them_are_there() -> None:
    assert len(corpus_names()) == 349
    assert len(list(reply_texts())) == 90
