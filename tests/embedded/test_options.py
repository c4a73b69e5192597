from pathlib import Path

import pytest

from embedded.data_folder import DEFAULT_DATA_FOLDER
from embedded.listening import PortChoice
from embedded.options import DEFAULT_HTTP_PORT, DEFAULT_SMTP_PORT, Options, read_options


def test_without_arguments_the_defaults_may_move_on() -> None:
    assert read_options([]) == Options(
        http=PortChoice("HTTP", DEFAULT_HTTP_PORT, is_default=True),
        smtp=PortChoice("SMTP", DEFAULT_SMTP_PORT, is_default=True),
        data_folder=DEFAULT_DATA_FOLDER,
        api_key=None,
        demo=True,
        ready_json=False,
    )


def test_every_flag_is_heeded() -> None:
    key = "A" * 15 + "_"
    arguments = f"--http-port 0 --smtp-port 2526 --data-dir /d --api-key {key} --no-demo --ready-json".split()
    arguments += ["--smtp-cert", "/c.pem", "--smtp-key", "/k.pem"]
    assert read_options(arguments) == Options(
        http=PortChoice("HTTP", 0, is_default=False),
        smtp=PortChoice("SMTP", 2526, is_default=False),
        data_folder=Path("/d"),
        api_key=key,
        demo=False,
        ready_json=True,
        smtp_certificate=Path("/c.pem"),
        smtp_key=Path("/k.pem"),
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--api-key", "short"], "16 to 100 characters"),
        (["--api-key", "x" * 101], "16 to 100 characters"),
        (["--api-key", "sixteen-or-more-but-with-dashes"], "16 to 100 characters"),
        (["--http-port", "65536"], "is not a port"),
        (["--smtp-port", "smtp"], "is not a port"),
        (["--smtp-key", "/k.pem"], "needs --smtp-cert"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        read_options(arguments)
    assert words in capsys.readouterr().err
