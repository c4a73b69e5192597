"""What the SMTP door refuses, and in which words."""

import pytest

from tests.embedded.smtp_client import ANNA, LIMIT, MAIL, Door


def test_an_unknown_recipient_is_refused_and_the_others_get_their_mail(door: Door) -> None:
    with door.client() as client:
        client.command("MAIL FROM:<carl@example.com>", 250)
        assert client.command("RCPT TO:<nobody@agents.test>", 550).startswith(b"5.1.1 ")
        client.command("RCPT TO:<carl@example.com>", 550)
        client.command("RCPT TO:<>", 550)
        client.command("DATA", 503)
        client.command(f"RCPT TO:<{ANNA}>", 250)
        client.command("DATA", 354)
        client.send(MAIL + b".\r\n")
        assert client.getreply()[0] == 250

    assert door.topic.notices[0]["receipt"]["recipients"] == [ANNA]


def test_an_encoded_word_is_not_taken_apart_into_somebody_elses_address(door: Door) -> None:
    with door.client() as client:
        client.command("MAIL FROM:<carl@example.com>", 250)
        client.command("RCPT TO:<=?utf-8?q?anna?=@agents.test>", 550)


def test_a_mail_that_announces_too_large_a_size_is_refused_before_it_is_sent(door: Door) -> None:
    with door.client() as client:
        assert client.command(f"MAIL FROM:<carl@example.com> SIZE={LIMIT + 1}", 552).startswith(b"5.3.4 ")
        client.command(f"MAIL FROM:<carl@example.com> SIZE={LIMIT}", 250)


def test_a_mail_that_turns_out_too_large_is_refused_at_its_end_and_the_next_one_is_taken(door: Door) -> None:
    with door.client() as client:
        for size in (LIMIT + 1, 5 * LIMIT):
            code, text = client.deliver(b"x" * (size - 2) + b"\r\n")
            assert (code, text[:6]) == (552, b"5.3.4 ")
        assert client.deliver(MAIL)[0] == 250

    assert door.mails() == [MAIL]


def test_recipients_that_find_no_room_are_put_off_and_the_mail_goes_to_the_others(door: Door) -> None:
    names = [f"inbox-{number:0100}@agents.test" for number in range(40)]
    door.mailboxes.addresses |= set(names)
    with door.client() as client:
        client.command("MAIL FROM:<carl@example.com>", 250)
        codes = [client.docmd(f"RCPT TO:<{name}>")[0] for name in names]
        client.command("DATA", 354)
        client.send(MAIL + b".\r\n")
        assert client.getreply()[0] == 250

    taken = codes.index(452)
    assert codes == [250] * taken + [452] * (len(names) - taken)
    assert door.topic.notices[0]["receipt"]["recipients"] == names[:taken]
    [(_, metadata)] = door.bucket.objects.values()
    assert names[taken - 1] in metadata["receipt"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MAIL FROM:<", 553),
        ("MAIL FROM:carl", 553),
        ("MAIL FROM:<a b@example.com>", 553),
        (f"MAIL FROM:<{'a' * 300}@example.com>", 501),
        ("MAIL FROM:<a@example.com> SIZE=many", 501),
        ("MAIL FROM:<a@example.com> RET=HDRS", 555),
        ("RCPT TO:<anna@agents.test>", 503),
        ("DATA", 503),
        ("DATA now", 501),
        ("VRFY anna", 252),
        ("NONSENSE", 500),
        ("NOOP " + "x" * 5_000, 500),
    ],
)
def test_a_line_that_makes_no_sense_is_answered_and_the_dialogue_goes_on(door: Door, line: str, code: int) -> None:
    with door.client() as client:
        client.command(line, code)
        assert client.deliver(MAIL)[0] == 250
