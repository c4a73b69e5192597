"""The new words of an answer are found, in many languages and from many mail programs, and none of them is lost."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mime.html_text import html_to_text
from chalicelib.mime.reply_text import extract_reply
from tests.mime.hostile_texts import TEXT, Hostile
from tests.mime.steps import counted_steps

SAMPLES = Path(__file__).parent.parent / "samples" / "replies"
NAMES = sorted(path.name.removesuffix(".expected.txt") for path in SAMPLES.glob("*.expected.txt"))

# What a person sees and we do not.
NOT_YET = {
    "email_7": "the end of a quoted line, broken off without a > after a full stop, could as well be an answer",
}


def text_of(name: str) -> str:
    return (SAMPLES / name).read_bytes().decode()


def test_there_are_samples() -> None:
    assert len(NAMES) >= 60


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.xfail(reason=NOT_YET[name], strict=True)] if name in NOT_YET else [])
        for name in NAMES
    ],
)
def test_a_sample_gives_what_a_person_would_extract(name: str) -> None:
    assert extract_reply(text_of(f"{name}.txt"), None) == text_of(f"{name}.expected.txt").strip()


ATTRIBUTIONS = [
    "On Mon, 6 May 2024 at 10:00, Ada Byron <ada@example.com> wrote:",
    "On Mon, 6 May 2024 at 10:00, Ada Byron <\nada@example.com> wrote:",
    "On Mon, 6 May 2024,\nat 10:00, Ada Byron\n<ada@example.com>\nwrote:",
    "On 06/05/2024 10:00, Ada Byron wrote:",
    "On May 6, 2024, at 10:00 AM, Ada Byron <ada@example.com> wrote:",
    "Am 06.05.2024 um 10:00 schrieb Ada Byron:",
    "Am Mo., 6. Mai 2024 um 10:00 Uhr schrieb Ada Byron <ada@example.com>:",
    "Ada Byron <ada@example.com> schrieb am Mo. 6. Mai 2024 um 10:00:",
    "Le lun. 6 mai 2024 à 10:00, Ada Byron <ada@example.com> a écrit :",
    "Le 06/05/2024 à 10:00, Ada Byron a écrit :",
    "El lun, 6 may 2024 a las 10:00, Ada Byron (<ada@example.com>) escribió:",
    "Em seg., 6 de mai. de 2024 às 10:00, Ada Byron <ada@example.com> escreveu:",
    "Ada Byron <ada@example.com> escreveu no dia segunda, 6/05/2024 à(s) 10:00:",
    "Il giorno lun 6 mag 2024 alle ore 10:00 Ada Byron <ada@example.com> ha scritto:",
    "Op ma 6 mei 2024 om 10:00 schreef Ada Byron <ada@example.com>:",
    "Den mån 6 maj 2024 kl 10:00 skrev Ada Byron <ada@example.com>:",
    "Den man. 6. maj 2024 kl. 10.00 skrev Ada Byron <ada@example.com>:",
    "man. 6. mai 2024 kl. 10:00 skrev Ada Byron <ada@example.com>:",
    "ma 6. toukok. 2024 klo 10.00 Ada Byron (ada@example.com) kirjoitti:",
    "pon., 6 maj 2024 o 10:00 Ada Byron <ada@example.com> napisał(a):",
    "po 6. 5. 2024 v 10:00 odesílatel Ada Byron <ada@example.com> napsal:",
    "пн, 6 мая 2024 г. в 10:00, Ada Byron <ada@example.com>:",
    "06.05.2024 10:00, Ada Byron пишет:",
    "пн, 6 трав. 2024 р. о 10:00 Ada Byron <ada@example.com> пише:",
    "Ada Byron <ada@example.com> ezt írta (időpont: 2024. máj. 6., H, 10:00):",
    "Ada Byron <ada@example.com>, 6 May 2024 Pzt, 10:00 tarihinde şunu yazdı:",
    "În lun., 6 mai 2024 la 10:00, Ada Byron <ada@example.com> a scris:",
    "Στις Δευ 6 Μαΐ 2024 στις 10:00 π.μ., ο χρήστης Ada Byron <ada@example.com> έγραψε:",
    "Ada Byron <ada@example.com> 于2024年5月6日周一 10:00写道:",
    "Ada Byron <ada@example.com> 于2024年5月6日周一 10:00写道：",
    "在 2024年5月6日，上午10:00，Ada Byron <ada@example.com> 写道：",
    "Ada Byron <ada@example.com> 於 2024年5月6日 週一 上午10:00寫道:",
    "2024年5月6日(月) 10:00 Ada Byron <ada@example.com>:",
    "2024년 5월 6일 (월) 오전 10:00, Ada Byron <ada@example.com>님이 작성:",
    "Vào Th 2, 6 thg 5, 2024 vào lúc 10:00 Ada Byron <ada@example.com> đã viết:",
    "Pada Sen, 6 Mei 2024 pukul 10.00 Ada Byron <ada@example.com> menulis:",
    "---- On Mon, 06 May 2024 10:00:00 +0200 Ada Byron <ada@example.com> wrote ----",
]

# Enough only where quoted lines follow.
ATTRIBUTIONS_OF_QUOTES = [
    "2024/05/06 10:00、Ada Byron <ada@example.com>のメール:",
    "\u202bفي الاثنين، 6 مايو 2024 في 10:00 ص تمت كتابة ما يلي بواسطة \u202aAda <ada@example.com>\u202c\u200f:",
    "בתאריך יום ב׳, 6 במאי 2024 ב-10:00 מאת \u202aAda Byron\u202c\u200f <\u202aada@example.com\u202c\u200f>:",
    "Ada Byron (ada@example.com) kirjutas 6. mai 2024:",
]


@pytest.mark.parametrize("attribution", [*ATTRIBUTIONS, *ATTRIBUTIONS_OF_QUOTES])
def test_what_stands_under_who_wrote_is_old(attribution: str) -> None:
    assert extract_reply(f"New words.\n\n{attribution}\n\n> old\n> words\n", None) == "New words."
    assert (
        extract_reply(f"New words.\r\n{attribution}\r\n> old\r\n\r\nAn answer.\r\n", None) == "New words.\n\nAn answer."
    )


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_who_wrote_is_enough_where_the_old_words_have_no_mark(attribution: str) -> None:
    assert extract_reply(f"New words.\n\n{attribution}\n\nold\nwords\n", None) == "New words."


@pytest.mark.parametrize(
    "header",
    [
        "From: Ada <ada@example.com>\nSent: Monday, May 6, 2024 10:00 AM\nTo: Eve <eve@example.com>\nSubject: Hello",
        "*From:* Ada\n*Sent:* Monday\n*To:* Eve\n*Cc:* Bob\n*Subject:* Hello",
        "From:\tAda\nDate:\tMonday\nTo:\tEve\nSubject:\tHello",
        "Von: Ada <ada@example.com>\nGesendet: Montag, 6. Mai 2024 10:00\nAn: Eve\nBetreff: Hallo",
        "De : Ada <ada@example.com>\nEnvoyé : lundi 6 mai 2024 10:00\nÀ : Eve\nObjet : Bonjour",
        "De: Ada\nEnviado: lunes, 6 de mayo de 2024\nPara: Eve\nAsunto: Hola",
        "De: Ada\nEnviada em: segunda-feira\nPara: Eve\nAssunto: Olá",
        "Da: Ada\nInviato: lunedì\nA: Eve\nOggetto: Ciao",
        "Van: Ada\nVerzonden: maandag\nAan: Eve\nOnderwerp: Hallo",
        "Från: Ada\nSkickat: den 6 maj 2024\nTill: Eve\nÄmne: Hej",
        "Fra: Ada\nSendt: 6. maj 2024\nTil: Eve\nEmne: Hej",
        "Lähettäjä: Ada\nLähetetty: maanantai\nVastaanottaja: Eve\nAihe: Hei",
        "Od: Ada\nWysłano: poniedziałek\nDo: Eve\nTemat: Cześć",
        "От: Ada\nОтправлено: 6 мая 2024 г.\nКому: Eve\nТема: Привет",
        "发件人: Ada <ada@example.com>\n发送时间: 2024年5月6日 10:00\n收件人: Eve\n主题: 你好",
        "发件人：Ada\n发送时间：2024年5月6日\n收件人：Eve\n主题：你好",
        "寄件者: Ada\n寄件日期: 2024年5月6日\n收件者: Eve\n主旨: 你好",
        "差出人: Ada\n送信日時: 2024年5月6日\n宛先: Eve\n件名: こんにちは",
        "보낸 사람: Ada\n보낸 날짜: 2024년 5월 6일\n받는 사람: Eve\n제목: 안녕",
        "Gönderen: Ada\nTarih: 6 Mayıs\nKime: Eve\nKonu: Merhaba",
        "-----Original Message-----\nanything",
        "-------- Ursprüngliche Nachricht --------\nanything",
        "---------- Forwarded message ---------\nanything",
        "Begin forwarded message:\n\nanything",
        "-----原始邮件-----\nanything",
    ],
)
def test_what_stands_under_an_old_header_is_old(header: str) -> None:
    assert (
        extract_reply(f"New words.\n\n________________________________\n{header}\n\nold words\n", None) == "New words."
    )
    assert extract_reply(f"New words.\n{header}\n\nold words\n", None) == "New words."


@pytest.mark.parametrize(
    "end",
    [
        "-- \nAda Byron\nAnalyst",
        "--\nAda",
        "__\nAda",
        "—\nAda",
        "Sent from my iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Sent from Mail for Windows",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Get Outlook for Android (https://aka.ms/ghei36)",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Отправлено с iPhone",
        "发自我的 iPhone",
        "從我的 iPhone 傳送",
        "iPhoneから送信",
        "나의 iPhone에서 보냄",
        "_______________________________________________\nstaff mailing list\nhttps://lists.example.com/listinfo/staff",
    ],
)
def test_a_signature_is_left_out(end: str) -> None:
    assert extract_reply(f"New words.\n\n{end}\n", None) == "New words."
    assert extract_reply(f"New words.\n\n{end}\n\nOn 6 May 2024 10:00, Ada wrote:\n> old\n", None) == "New words."


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "On the other hand, this is what I wrote:\n\nall of it.",
        "On page 3 you wrote:\n\nthis is wrong.",
        "On 6 May 2024 we met.\n\nAda wrote it down.",
        "From: Vienna\nTo: Paris\nDate: 6 May\n\nIs this the right train?",
        "From: here to there\n\nText.",
        "One\n----------\nTwo\n==========\nThree",
        "A list:\n-- one\n-- two",
        "Sent from my desk, which is where I write.",
        "It was sent from my iPhone",
        "--\n" + "\n".join(f"line {number} of a long text" for number in range(60)),
        "The menu\n—\n" + "\n".join(3 * [3 * "a line that is far too long to stand in a signature, " + "yes"]),
        "10:00 we meet at <ada@example.com>:\n\nBring cake.",
        "Please write to ada@example.com:\n\nshe knows.",
        "a > b\n  and c",
        "indented:\n\n    code()\n        more()",
    ],
)
def test_text_without_anything_old_comes_back_whole(text: str) -> None:
    assert extract_reply(f"\n{text}\n\n", None) == text


def test_answers_between_quotes_stay() -> None:
    mail = "Hi Ada,\n\nOn 6 May 2024 10:00, Ada wrote:\n> One?\n\nYes.\n\n> Two?\nNo.\n> Three?\n\n-- \nEve"

    assert extract_reply(mail, None) == "Hi Ada,\n\nYes.\n\nNo."


@pytest.mark.parametrize(
    "mail",
    [
        "> all of it\n> is quoted",
        "---------- Forwarded message ---------\nFrom: Ada <ada@example.com>\n\nLook at this.",
        "From: Ada <ada@example.com>\nSent: Monday\nTo: Eve\nSubject: Hello\n\nLook at this.",
        "Sent from my iPhone",
        "-- \nAda",
        "On 6 May 2024 10:00, Ada wrote:\n\nold",
    ],
)
def test_a_mail_without_new_words_keeps_its_words(mail: str) -> None:
    assert extract_reply(f"{mail}\n", None) == mail


@pytest.mark.parametrize(
    "html",
    [
        '<p>New words.</p><blockquote type="cite"><p>old words</p></blockquote>',
        '<div dir="ltr">New words.</div><div class="gmail_quote"><blockquote class="gmail_quote">old words</blockquote></div>',
        '<p>New words.</p><div id="divRplyFwdMsg">Kutoka: Ada</div><div>old words</div>',
        '<p>New words.</p><div class="yahoo_quoted">old words</div>',
        '<p>New words.</p><div class="moz-cite-prefix">Ada kirjutas:</div><blockquote type="cite">old words</blockquote>',
        '<p>New words.</p><blockquote type="cite">old words</blockquote><p>-- <br>Ada</p>',
    ],
)
def test_the_html_is_asked_when_the_text_does_not_show_what_is_old(html: str) -> None:
    assert extract_reply("New words.\n\nold words", html) == "New words."


def test_the_text_is_believed_before_the_html() -> None:
    html = '<p>New words, and more.</p><blockquote type="cite">old words</blockquote>'

    assert extract_reply("New words.\n\n> old words", html) == "New words."
    assert extract_reply("New words.\n\nold words", "<p>New words.</p><p>old words</p>") == "New words.\n\nold words"
    assert extract_reply("all", '<blockquote type="cite">all</blockquote>') == "all"


def test_text_made_from_html_is_understood() -> None:
    html = (
        "<div>New words.</div><div class=gmail_quote><div class=gmail_attr>On Mon, May 6, 2024 at 10:00 AM Ada "
        "&lt;<a href='mailto:ada@example.com'>ada@example.com</a>&gt; wrote:<br></div><blockquote>old</blockquote></div>"
        "<div>An answer.</div>"
    )

    assert extract_reply(html_to_text(html).text, html) == "New words.\n\nAn answer."


# ------------------------------------------------------------------------------------------------------ any input

OLD_MARKS = """> old|>|--|-- |—|| |On 6 May 2024 10:00, Ada <a@b.example> wrote:|wrote:|From: a@b.example|Date: x|To: y
Subject: z|-----Original Message-----|____|Sent from my iPhone|words|Words."""
LINES = st.one_of(st.sampled_from(OLD_MARKS.split("|")), st.text(max_size=20))
ANY_TEXT = st.one_of(st.text(), st.lists(LINES, max_size=30).map("\n".join))


@given(ANY_TEXT, st.one_of(st.none(), st.text(), st.just("<blockquote type=cite>old</blockquote>new")))
def test_any_mail_gives_an_answer(text: str, html: str | None) -> None:
    reply = extract_reply(text, html)

    assert reply == reply.strip()
    assert bool(reply) == bool(text.strip()) or html is not None
    assert len(reply) <= 2 * len(text) + 14 * len(html or "") + 2


@given(ANY_TEXT)
def test_no_word_is_made_up_or_moved(text: str) -> None:
    words, reply = text.split(), extract_reply(text, None).split()
    remaining = iter(words)

    assert all(word in remaining for word in reply)  # in this order


PARAGRAPHS = st.lists(st.from_regex(r"[A-Z][a-z]{1,9}( [a-z]{1,9}){0,9}\.", fullmatch=True), min_size=1, max_size=5)


@given(
    PARAGRAPHS,
    PARAGRAPHS,
    st.sampled_from(ATTRIBUTIONS),
    st.sampled_from(["", "-- \nAda Byron", "Sent from my iPhone"]),
)
def test_new_words_are_told_from_old_ones(new: list[str], old: list[str], attribution: str, end: str) -> None:
    quoted = "\n".join(f"> {line}" for line in old)
    reply = extract_reply("\n\n".join([*new, end, f"{attribution}\n{quoted}"]), None)

    assert reply == "\n\n".join(new)
    assert extract_reply(reply, None) == reply


@given(st.lists(st.from_regex(r"[A-Z][a-z]{1,9}( [a-z]{1,9}){0,9}\.", fullmatch=True), min_size=2, max_size=6))
def test_each_answer_between_quotes_stays(answers: list[str]) -> None:
    mail = "\n".join(f"> Question {number}?\n{answer}" for number, answer in enumerate(answers))

    assert extract_reply(mail, None) == "\n\n".join(answers)


@pytest.mark.parametrize("hostile", TEXT.values(), ids=TEXT.keys())
def test_steps_grow_with_the_length(hostile: Hostile) -> None:
    short, long = hostile.of_length(8_000), hostile.of_length(32_000)
    with counted_steps() as counter:
        once = counter.of(lambda: extract_reply(short, None))
        four_times = counter.of(lambda: extract_reply(long, None))

    assert four_times <= 5 * once + 1_000


def test_controls_do_not_appear() -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f]", extract_reply("new\r\n\rwords\r\n> old", None))
