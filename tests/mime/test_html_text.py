"""The text of HTML is what a person reads in it, whatever the HTML looks like."""

import random
import re
import unicodedata

import inscriptis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from chalicelib.mime import css_sheet, html_reader, html_tokens
from chalicelib.mime.html_text import html_to_text, quote_marked_text
from chalicelib.mime.parse import parse_mail
from tests.mime.hostile_texts import BOUNDED_HTML, HTML, Hostile
from tests.mime.incoming import mail
from tests.mime.steps import counted_steps
from tests.work import calls


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("one<br><br><br><br>two", "one\n\ntwo"),
        ("  one \n\t two  ", "one two"),
        ("one<b> two</b> <i>three</i>", "one two three"),
        ("one&nbsp;&nbsp;two", "one two"),
        ("&lt;b&gt; &amp; &euro; &#8364; &#x20ac; &unknown;", "<b> & € € € &unknown;"),
        ("z\u200be\u200br\xado\ufeff w\u2060idth", "zero width"),
        ("text<h1>Head</h1>text", "text\n\nHead\n\ntext"),
        ("<pre>  a\n\tb\n\n\n\nc  </pre>after", "  a\n\tb\n\nc\n\nafter"),
        ("<p style='white-space:pre-wrap'>a\n  b</p>", "a\n  b"),
        ("<span style='display:block'>a</span>b", "a\nb"),
        ("a<hr>b", "a\n\n----------\n\nb"),
        ("a < b and c > d", "a < b and c > d"),
        ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol><li>a</li><li>b<br>more</li></ol>", "1. a\n2. b\n   more"),
        ("<ol start=5><li>a</li><li value=9>b</li><li>c</li></ol>", "5. a\n9. b\n10. c"),
        ("<ol start=99999999999><li>a</ol>", "1. a"),
        ("<li>alone", "- alone"),
        ("<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d", "> a\n> b\n>\n> > c\n\nd"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c<th>d</table>e", "a\tb\nc\td\n\ne"),
        ("<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "a\tb"),
        ("<table><tr><td>a<br>b</td><td>c</td></tr></table>", "a\nb\nc"),
        ("<table><tr><td>a<td><td>c</table>", "a\t\tc"),
        ("<table><tr><td><table><tr><td>a</table><td>b</table>", "a\tb"),
        ("<table><tr><td>a</td></tr></table><table><tr><td>b</td></tr></table>", "a\n\nb"),
        ('<img src="x" alt="A cat"><img src="y"><img alt="">', "[A cat]"),
        ("<title>t</title><style>s</style><script>x</script><template>y</template><!-- c -->z", "z"),
        ("<textarea>a\nb</textarea>", "a\nb"),
        ("<noscript>a</noscript>", "a"),  # no mail program runs scripts
        ("a<script>never closed", "a"),
        ("a<!-- never closed", "a"),
        ('a<b title="never closed', "a"),
        ("a<!DOCTYPE html><?xml x?>b<!>c<!-->d<!--->e<!-- f --!>g", "abcdeg"),
        ("<!--[if mso]>for Outlook<![endif]--><![if !mso]>for others<![endif]>", "for others"),
        ("</p>a</div>b</nothing>", "ab"),
        ("<p title='a > b'>c", "c"),
        ("<P CLASS=X>a</P>", "a"),
    ],
)
def test_html_reads_as_in_a_browser(html: str, text: str) -> None:
    assert html_to_text(html).text == text
    assert html_to_text(html).hidden_characters == 0


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://example.com/a?b=1&amp;c=2">here</a>', "here (https://example.com/a?b=1&c=2)"),
        ('<a href="https://www.example.com/">example.com</a>', "example.com"),
        ('<a href="https://evil.example/">bank.example</a>', "bank.example (https://evil.example/)"),
        ('<a href="mailto:ada@example.com?subject=x">ada@example.com</a>', "ada@example.com"),
        ('<a href="mailto:ada@example.com">Ada</a>', "Ada (ada@example.com)"),
        ('<a href="tel:+431234567">+43 (1) 234567</a>', "+43 (1) 234567"),
        ('<a href="tel:+431234567">call</a>', "call (+431234567)"),
        ('<a href="#top">top</a> <a href="javascript:x()">x</a> <a name=n>n</a> <a href="/rel">r</a>', "top x n r"),
        ('<a href="https://example.com/"><img src="pixel"></a>.', "."),
        ('<a href="https://example.com/"><img alt="Logo"></a>', "[Logo] (https://example.com/)"),
        ('<a href="https://example.com/x"><p>block</p></a>after', "block (https://example.com/x)\n\nafter"),
        ('<a href="https://a.example/">a</a> <a href="https://a.example/">b</a>', "a (https://a.example/) b"),
        (
            '<a href="https://a.example/">a<a href="https://b.example/">b',
            "a (https://a.example/)b (https://b.example/)",
        ),
        (f'<a href="https://a.example/{"x" * 2000}">a</a>', "a"),  # it is in the HTML
        ('<a href="https://a.ex\nample/\t&#1;b">a</a>', "a (https://a.example/b)"),
    ],
)
def test_a_link_says_where_it_leads_when_its_words_do_not(html: str, text: str) -> None:
    assert html_to_text(html).text == text


HIDING_STYLES = [
    "display:none",
    "DISPLAY : None !Important",
    "dis/**/play:none",
    "d\\69splay:none",
    "\\64 isplay:n\\6f ne",
    "color:red;;;display:none;",
    "display:none;display:nonsense",
    "display:none!important;display:block",
    "background:url(data:;base64,;);display:none",
    "visibility:hidden",
    "visibility:collapse",
    "opacity:0",
    "opacity:.0",
    "opacity:1%",
    "font-size:0",
    "font-size:0px",
    "font-size:1px",
    "font-size:.05em",
    "font-size:5%",
    "font:0/0 a",
    "font:bold 1px/1px Arial",
    "color:#fff",
    "color:#FFFFFF",
    "color:white",
    "color:rgb(255, 255, 255)",
    "color:rgb(100% 100% 100%)",
    "color:#fefdfe",
    "color:hsl(0, 0%, 100%)",
    "color:hsla(0,0%,0%,0)",
    "-webkit-text-fill-color:white",
    "font-size:calc(0px)",
    "filter:opacity(0)",
    "color:transparent",
    "color:rgba(0,0,0,0)",
    "color:#00000000",
    "color:red;background:red",
    "color:#123456;background-color:#123456",
    "max-height:0",
    "max-width:0px",
    "height:0;overflow:hidden",
    "width:0;overflow:hidden",
    "height:1px;width:1px;overflow:hidden;position:absolute",
    "position:absolute;left:-9999px",
    "position:fixed;top:-100em",
    "position:absolute;right:-9999px",
    "margin-left:-9999px",
    "margin:-9999px 0 0",
    "text-indent:-9999px",
    "position:absolute;clip:rect(0 0 0 0)",
    "position:absolute;clip:rect(1px,1px,1px,1px)",
    "clip-path:inset(50%)",
    "clip-path:circle(0)",
    "transform:scale(0)",
    "transform:translateX(-9999px)",
    "mso-hide:all",
]


@pytest.mark.parametrize("style", HIDING_STYLES)
def test_hidden_text_is_left_out_and_counted(style: str) -> None:
    for html in (
        f'<div style="{style}">not seen<br><b>at all</b></div>seen',
        f"<div style='{style}'><table><tr><td>not seen</td></tr></table><p>at all</div>seen",
        f'<style>.h {{ {style} }}</style><div class="a h">not seen at all</div>seen',
        f'<style><!-- #h, i{{{style}}} --></style><div id="h">not seen at all</div>seen',
        f'<style>@media screen{{div.h{{{style}}}}}</style><div class="h">not seen at all</div>seen',
        f"<style>table .o>.h{{{style}}}</style><table><tr><td class=o><p class=h>not seen at all</table>seen",
    ):
        assert html_to_text(html).text == "seen", html
        assert html_to_text(html).hidden_characters == len("notseenatall"), html


@pytest.mark.parametrize(
    "html",
    [
        "<div hidden>not seen</div>seen",
        "<font color=white>not seen</font>seen",
        "<table bgcolor=black><tr><td><font color=#000>not seen</font></table>seen",
        '<body text="white">not seen<p style="color:black">seen',
        '<img width=1 height=1 alt="not seen">seen',
        '<img style="display:none" alt="not seen">seen',
        '<div style="display:none"><p>not</div></p><b style="display:none">seen</b>seen',
        '<p style="visibility:hidden">not seen<b style="visibility:visible">seen</b></p>',
        '<p style="font-size:0">not seen<b style="font-size:16px">seen</b></p>',
        '<p style="display:none">not seen<p>seen',  # the second paragraph ends the first
        '<p style="display:none">not seen<div>seen</div>',
        '<div><b style="display:none">not</div>seen</b>seen',  # formatting goes on after the block it began in
        "<div>" + "".join(f"<b id=b{n}>" for n in range(50)) + '<b style="display:none">not</div>seen</b>seen',
        '<b><div style="display:none">not</b>seen</div>seen',  # … and ends without what stands in it
        '<div style="display:none"><table><tr><td>not</div></td></tr></table>seen</div>seen',  # no end from within a cell
        '<div style="display:none">not</span></b></p></td></body></html>seen</div>seen',
        '<dl><dt style="display:none">not seen<dd>seen</dl>',
        "<div style=display:none>not seen" + "&nbsp;&zwnj;&#847;\u200b\xad" * 50 + "</div>seen",
        "se" + "".join(chr(0xE0000 + ord(letter)) for letter in "not see") + "en",  # tag characters
    ],
)
def test_hidden_text_is_what_a_browser_does_not_show(html: str) -> None:
    found = html_to_text(html)

    assert found.text == "seen"
    assert found.hidden_characters == len("notseen")


@pytest.mark.parametrize(
    "html",
    [
        '<p style="color:#fff;background:#000">seen',
        '<p style="background:#333"><font color=white>seen</font>',
        '<table bgcolor="#224466"><tr><td style="color:white">seen</table>',
        '<table background="x.png"><tr><td style="color:white">seen</table>',
        '<p style="background:url(x.png);color:#fff">seen',
        '<p style="background:linear-gradient(red,blue);color:#fff">seen',
        '<style>.btn{background:#06c}.btn a{color:#fff}</style><p class=btn><a href="x">seen</a>',
        '<p style="color:#fff"><a href="x">seen</a>',  # links have a colour of their own
        '<p style="color:transparent;-webkit-background-clip:text;background:linear-gradient(red,blue)">seen',
        "<style>@media (max-width:600px){.m{display:none}}</style><p class=m>seen",
        "<style>@media print{.m{display:none}}</style><p class=m>seen",
        "<style>.m:hover,.m[x],.a+.m{display:none}</style><p class=m>seen",
        "<style>.o .m{display:none}</style><p class=o></p><p class=m>seen",
        "<style>.m{display:none}p.m{display:block}</style><p class=m>seen",
        '<style>.m{display:none}</style><p class=m style="display:block">seen',
        '<a href="x" style="mso-hide:all">seen</a>',  # a button, which Outlook draws itself
        "<p aria-hidden=true>seen",
        '<p style="height:0">seen',  # runs over
        '<p style="display:nonsense;opacity:x;color:nothing">seen',
        '<p style="font-family:\'x;display:none">seen',  # the quote takes it in
        '<p style="text-indent:-20px;margin-left:-10px;font-size:11px;opacity:.8;color:#999">seen',
        "<p class='display:none' title='display:none'>seen",
    ],
)
def test_text_that_is_seen_stays(html: str) -> None:
    found = html_to_text(html)

    assert found.text == "seen"
    assert found.hidden_characters == 0


def test_joiners_stay_where_they_shape_letters() -> None:
    assert (
        html_to_text("می\u200cخواهم \U0001f468\u200d\U0001f469 a\u200cb").text
        == "می\u200cخواهم \U0001f468\u200d\U0001f469 ab"
    )


def test_30_000_open_elements_are_read() -> None:
    assert html_to_text("<div>" * 30_000 + "deep").text == "deep"
    assert html_to_text("<div>" * 30_000 + "deep" + "</div>" * 30_000 + "after").text == "deep\nafter"


def test_the_text_says_where_reading_ended() -> None:
    assert html_to_text("<b>" * 100_001 + "not read").text == "[…]"


def test_no_mail_gets_past_its_own_styles_by_having_too_many() -> None:
    many = "".join(f".x{n}{{color:red}}" for n in range(6_000))
    found = html_to_text(f"<style>{many}.h{{display:none}}</style>a<p class=h>not seen</p>")

    assert "not seen" not in found.text
    assert found.text.endswith("[…]")


def test_no_mail_gets_past_its_styles_by_having_many_elements() -> None:
    rules = ".x{color:red}" * 4_000
    html = "".join(f"<b class='x a{n}'>x</b>" for n in range(300))
    found = html_to_text(f"<style>{rules}.h{{display:none}}</style>{html}<p class=h>not seen</p>")

    assert "not seen" not in found.text
    assert found.text.endswith("[…]")


# --------------------------------------------------------------------------------------------- marks of earlier mail


@pytest.mark.parametrize(
    "html",
    [
        '<p>new</p><blockquote type="cite">old</blockquote>',
        '<p>new</p><blockquote class="gmail_quote">old</blockquote>',
        '<p>new</p><div class="yahoo_quoted">old</div>',
        '<p>new</p><div class="protonmail_quote">old</div>',
        '<p>new</p><div class="moz-cite-prefix">old</div>',
        '<p>new</p><div id="divRplyFwdMsg">old</div>',
        '<p>new</p><div id="x_x_divRplyFwdMsg"></div><p>old</p>',
        '<p>new</p><div id="appendonsend"></div><p>old</p>',
    ],
)
def test_earlier_mail_is_marked_as_a_quote(html: str) -> None:
    assert quote_marked_text(html) == "new\n\n> old"


def test_html_without_earlier_mail_has_no_marks() -> None:
    assert quote_marked_text("<p>new</p><blockquote>of a book</blockquote>") is None


@pytest.mark.parametrize("earlier", ['<blockquote type="cite">', '<div class="yahoo_quoted">', '<p id="appendonsend">'])
def test_html_that_marks_earlier_mail_says_so_at_its_first_reading(earlier: str) -> None:
    for html in (f"<p>new</p>{earlier}old", "<p>new</p><blockquote>of a book</blockquote>", earlier[:-1]):
        assert html_to_text(html).marks_quotes == (quote_marked_text(html) is not None)
    assert html_to_text(f"<p>new</p>{earlier}old").marks_quotes


def test_html_that_marks_no_earlier_mail_is_read_once() -> None:
    html = "<p>new <b>words</b></p>" * 500
    parse_mail(mail("Content-Type: text/html", body=html))  # what is imported on first use is not counted

    once = calls(lambda: html_to_text(html))
    whole = calls(lambda: parse_mail(mail("Content-Type: text/html", body=html)))
    assert whole < 1.9 * once


# ------------------------------------------------------------------------------------------------------ any input

HOSTILE_WORDS = """
    < > / = " ' & ; ! - ? <!-- --> <p> </p> <div style='display:none'> </div> <b> </b> <table> <tr> <td> </td> </table>
    <li> <ul> <ol start=3> </ul> <a href=http://x.example/y> </a> <style> </style> .a{ } display:none <img alt=x> <br> <pre>
    </pre> &nbsp; &# <blockquote> </blockquote> <p class=a style='color:#fff'> word <body> </body> <script> <textarea>
    <button> </button> &#0; &#x81; &#13; &#xd800; \x00 \x85 \u2028 \ud800 \u202e
"""
WHOLE_TAGS = [
    "<div style='display:none'>",
    "<p class=a style='color:#fff'>",
    "<a href=http://x.example/y>",
    "<ol start=3>",
]
FRAGMENTS = st.sampled_from([*HOSTILE_WORDS.split(" "), *WHOLE_TAGS])
ANY_HTML = st.one_of(st.text(), st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=60).map("".join))


@given(ANY_HTML)
@example("<textarea>\x850")
@example("<a href='http://x.example/\u2028\x85y'>z")
def test_any_text_is_read_without_controls_and_within_bounds(html: str) -> None:
    found = html_to_text(html)

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", found.text)
    assert not any(
        unicodedata.category(character) == "Cf" for character in found.text if character not in "\u200c\u200d"
    )
    assert "\n\n\n" not in found.text
    assert found.text == found.text.rstrip("\n")
    assert len(found.text) <= 14 * len(html) + 20
    assert 0 <= found.hidden_characters <= 2 * len(html)  # some references stand for two characters
    found.text.encode()


@given(st.lists(st.sampled_from(["word", "Ärger", "42", "再见", "x.y"]), min_size=1, max_size=30), st.randoms())
def test_words_come_out_in_order_whatever_stands_around_them(words: list[str], generator: random.Random) -> None:
    tags = ["<p>", "<div>", "<br>", "<b>", "</b>", " ", "<table><tr><td>", "</td>", "</table>", "<!-- x -->", "<span>"]
    html = "".join(generator.choice(tags) + " " + word + " " for word in words)

    assert html_to_text(html).text.split() == words


@pytest.mark.parametrize("hostile", HTML.values(), ids=HTML.keys())
def test_steps_grow_with_the_length(hostile: Hostile) -> None:
    short, long = hostile.of_length(8_000), hostile.of_length(32_000)
    with counted_steps() as counter:
        once = counter.of(lambda: html_to_text(short))
        four_times = counter.of(lambda: html_to_text(long))

    assert four_times <= 5 * once + 1_000


@pytest.mark.parametrize("hostile", BOUNDED_HTML.values(), ids=BOUNDED_HTML.keys())
def test_reading_ends_where_a_mail_keeps_us_busy(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(css_sheet, "_MOST_LOOKS", 2_000)
    monkeypatch.setattr(html_reader, "_MOST_REOPENED", 200)
    short, long = hostile.of_length(50_000), hostile.of_length(200_000)
    with counted_steps() as counter:
        once = counter.of(lambda: html_to_text(short))
        four_times = counter.of(lambda: html_to_text(long))

    assert html_to_text(short).text == html_to_text(long).text
    assert html_to_text(short).text.endswith("[…]")
    assert four_times <= once + 1_000


def test_the_counter_sees_a_square() -> None:
    """Reading anew from every tag on is what the tokenizer must not do."""

    def search_from_everywhere(text: str) -> None:
        for at in range(len(text)):
            html_tokens._COMMENT_END.search(text, at)

    with counted_steps() as counter:
        once = counter.of(lambda: search_from_everywhere("x" * 100))
        assert counter.of(lambda: search_from_everywhere("x" * 400)) > 12 * once


# --------------------------------------------------------------------------------------------- another reader's words


INSCRIPTIS = ParserConfig(css=CSS_PROFILES["strict"])


@pytest.mark.parametrize(
    "html",
    [
        "<h1>Hello</h1><p>How <b>are</b> you?</p><ul><li>one</li><li>two</li></ul>",
        "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>",
        "<div>x<span>y</span></div><div>z&amp;&nbsp;&eacute;</div>",
        "<p>one<br>two</p><pre>a\n  b</pre><div style='display:none'>not seen</div>",
        "<ol><li>first<li>second</ol><blockquote>quoted</blockquote><hr>",
        "<head><title>t</title><style>p{color:red}</style></head><body><p>text</p><script>x()</script></body>",
    ],
)
def test_inscriptis_finds_the_same_words(html: str) -> None:
    ours, theirs = (
        re.findall(r"\w+", text) for text in (html_to_text(html).text, inscriptis.get_text(html, INSCRIPTIS))
    )

    assert ours == theirs
