"""Every mail of the corpora comes in by SMTP and is one message: its bytes, and what a person read in it."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.mime.parsed_mail import ParsedMail
from tests.corpora_mails import CORPORA, corpus_names
from tests.journeys.received_mails import READERS, all_messages, as_parsed, sources
from tests.journeys.smtp_lane import SENDER, bring, carried
from tests.journeys.storage import Storage
from tests.journeys.system import Journey, RunningSystem, until
from tests.mime.expectations import SAMPLES, differences, expectation_names, read_expectation

pytestmark = pytest.mark.xdist_group("journeys")

LANES = 4
NOT_TOLD = {"automatic"}  # the API does not show it by itself


@dataclass(frozen=True)
class Arrived:
    """All mails, brought in over several connections at once into one inbox."""

    journey: Journey
    files: Mapping[str, Path]  # by SES's id, as the 250 told it
    errors: str  # that the system had logged before


@pytest.fixture(scope="module")
def arrived(system: RunningSystem) -> Iterator[Arrived]:
    files = [CORPORA / name for name in corpus_names()] + sorted((SAMPLES / "own").glob("*.eml"))
    with system.client() as client:
        journey = Journey(client)
        before = system.errors()
        files_of: dict[str, Path] = {}

        def lane(number: int) -> None:
            ours = files[number::LANES]
            ids: list[str] = []
            bring(system.smtp, [path.read_bytes() for path in ours], [journey.inbox["address"]], ids.append)
            files_of.update(zip(ids, ours, strict=True))

        with ThreadPoolExecutor(LANES) as lanes:
            list(lanes.map(lane, range(LANES)))
        until(lambda: journey.listed(limit=1)["total"], lambda total: total >= len(files))
        yield Arrived(journey, files_of, before)


@pytest.fixture(scope="module")
def messages(arrived: Arrived) -> Mapping[str, tuple[dict[str, Any], bytes]]:
    """By SES's id, the message that a mail became and its source."""
    listed = all_messages(arrived.journey)
    found = sources(arrived.journey, listed)
    assert len(found) == len({ses_id for ses_id, _ in found})
    return {ses_id: (message, raw) for message, (ses_id, raw) in zip(listed, found, strict=True)}


def test_each_is_one_message_and_its_source_is_what_came(
    arrived: Arrived, messages: Mapping[str, tuple[dict[str, Any], bytes]]
) -> None:
    assert len(arrived.files) > len(corpus_names())
    assert messages.keys() == arrived.files.keys()
    files = arrived.files.items()
    assert [file for ses_id, file in files if messages[ses_id][1] != carried(file.read_bytes())] == []
    assert {message["status"] for message, _ in messages.values()} == {"received"}


def test_nothing_is_left_to_do_and_nothing_went_wrong(system: RunningSystem, arrived: Arrived) -> None:
    storage = Storage.of(arrived.journey)

    queues = until(storage.in_queues, lambda counts: not any(counts.values()))

    assert any("DeadLetters" in name for name in queues), queues
    assert storage.objects("inbound/") == []
    assert arrived.journey.listed(limit=1)["total"] == len(arrived.files)
    assert system.errors() == arrived.errors


def test_the_api_tells_what_a_person_read_in_them(
    arrived: Arrived, messages: Mapping[str, tuple[dict[str, Any], bytes]]
) -> None:
    of_file = {file: messages[ses_id][0] for ses_id, file in arrived.files.items()}

    def checked(name: str) -> list[str]:
        expectation = read_expectation(name)
        said = {key: value for key, value in expectation.said.items() if key not in NOT_TOLD}
        if "inReplyTo" in said:
            said["inReplyTo"] = said["inReplyTo"][:1]  # the API's field holds one
        parsed = as_parsed(arrived.journey, of_file[expectation.mail], SENDER)
        mail = expectation.mail.read_bytes()
        found = differences(said, parsed)
        if found and carried(mail) != mail:
            found = differences(said, without_added_end(parsed))
        return [f"{name}: {difference}" for difference in found]

    with ThreadPoolExecutor(READERS) as readers:
        found = list(readers.map(checked, expectation_names()))

    wrong = [difference for of_one in found for difference in of_one]
    assert not wrong, "\n".join(wrong)


def without_added_end(parsed: ParsedMail) -> ParsedMail:
    """The mail without the line end that SMTP added to its last line, wherever that came to stand."""
    files = parsed.attachments
    if files:
        files = (*files[:-1], replace(files[-1], data=files[-1].data.removesuffix(b"\r\n")))
    text = parsed.body_text
    return replace(parsed, body_text=text and text.removesuffix("\n"), attachments=files)
