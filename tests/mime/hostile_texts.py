"""Texts made to keep a reader busy: a beginning, a piece that is repeated, and an end."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hostile:
    piece: str
    before: str = ""
    after: str = ""

    def of_length(self, characters: int) -> str:
        return self.before + self.piece * (characters // len(self.piece)) + self.after


HTML: Mapping[str, Hostile] = {
    "quotes that are never closed": Hostile('<a x=">"'),
    "tags that are never closed": Hostile("<a "),
    "comments that are never closed": Hostile("<!--"),
    "declarations that are never closed": Hostile("<!a "),
    "less-than signs": Hostile("<"),
    "end tags of nothing": Hostile("</"),
    "end tags that end nothing": Hostile("</b></i></p></td></x>"),
    "divs": Hostile("<div>"),
    "divs ended by spans": Hostile("<div></span>"),
    "paragraphs in formatting": Hostile("<p><b><i><u><s>"),
    "formatting ended crosswise": Hostile("<b><i></b></i>"),
    "formatting ended late": Hostile("</b>", before="<b>" * 300 + "<div>" * 300),
    "open formatting and paragraphs": Hostile("<p>x</p>", before="<b style='color:red'>" * 300),
    "formatting that goes on": Hostile("<p><b id=1><b id=2></p>"),
    "links": Hostile("<a href=x>"),
    "links around links": Hostile("<a href='http://x.example/'>x"),
    "tables": Hostile("<table><tr><td>"),
    "rows": Hostile("<tr><td>x", before="<table>"),
    "cells": Hostile("<td>x", before="<table><tr>"),
    "empty cells": Hostile("<td>", before="<table><tr><td>x"),
    "cells in cells": Hostile("<table><tr><td>x<td>"),
    "lists": Hostile("<ul><li>x"),
    "items after much": Hostile("<li>x", before="<ul>" + "<b>" * 300),
    "quotes in quotes": Hostile("<blockquote>x"),
    "line breaks": Hostile("<br>"),
    "scripts that are never closed": Hostile("<script></", before="<script>"),
    "rules": Hostile(".a .b{color:red}", before="<style>", after="</style>" + "<b class='a b'>x</b>" * 50),
    "rules that never match": Hostile(".a.b{color:red}", before="<style>", after="</style>" + "<b class=a>x</b>" * 50),
    "braces": Hostile("{", before="<style>"),
    "media": Hostile("@media x{", before="<style>"),
    "selectors": Hostile("a,", before="<style>", after="{color:red}</style><a>x</a>"),
    "compounds": Hostile("a ", before="<style>", after="{color:red}</style><a>x</a>"),
    "classes of one element": Hostile("a ", before="<p class='", after="'>x"),
    "declarations": Hostile("color:red;", before="<p style='", after="'>x"),
    "quotes in a style": Hostile('"', before="<p style='", after="'>x"),
    "quotes before a backslash": Hostile('";"', before="<p style='", after="\\'>x"),
    "parentheses in a style": Hostile("(", before="<p style='", after="'>x"),
    "comments in a style": Hostile("/*", before="<p style='", after="'>x"),
    "backslashes in a style": Hostile("\\", before="<p style='", after="'>x"),
    "spaces in a style": Hostile(" ", before="<p style='color", after="!'>x"),
    "spaces after an attribute": Hostile(" ", before="<p a"),
    "equals signs": Hostile("=", before="<p a", after='"'),
    "attributes": Hostile(" a=b", before="<p", after=">x"),
    "ampersands": Hostile("&"),
    "digits of a reference": Hostile("1", before="&#", after=";"),
    "hexadecimal digits of a reference": Hostile("f", before="&#x", after=";"),
    "references": Hostile("&#0;&lt&notin;"),
    "spaces": Hostile(" "),
    "preformatted lines": Hostile(" \n", before="<pre>"),
    "joiners": Hostile("\u200c", before="x"),
    "tag characters": Hostile("\U000e0041", before="x"),
    "letters": Hostile("x"),
}

# Work that grows faster than its length, up to a bound where reading ends.
BOUNDED_HTML: Mapping[str, Hostile] = {
    "styles that pile up": Hostile("<style>.a{color:red}</style><p class=a>x"),
    "formatting that is carried out of each block": Hostile("<div><b id=1><i id=2><u id=3></div>"),
    "many rules for many elements": Hostile("<p class=a>x", before="<style>" + ".a{color:red}" * 300 + "</style>"),
}

TEXT: Mapping[str, Hostile] = {
    "quoted lines": Hostile("> a\n"),
    "quote signs": Hostile(">"),
    "blank lines": Hostile("\n", after="x"),
    "attributions": Hostile("On 3 May 2024 at 10:00, Ada <a@b.example> wrote:\n"),
    "halves of attributions": Hostile("On 3 May 2024,\n"),
    "ends of attributions": Hostile("wrote:\n"),
    "colons": Hostile(":\n"),
    "one long attribution": Hostile("On 3 May 2024 wrote ", after=":"),
    "labels": Hostile("From: a@b.example\n"),
    "two labels": Hostile("From: a\nTo: b\n"),
    "labels without end": Hostile("From:"),
    "delimiters": Hostile("--\n"),
    "delimiters and lines": Hostile("a\n--\n"),
    "delimiters and blank lines": Hostile("--\n\n\n\n", after="x\n" * 40),
    "loose delimiters": Hostile("—\n"),
    "dashes": Hostile("-"),
    "dashed words": Hostile("-- a --\n"),
    "underscores": Hostile("_"),
    "underlines": Hostile("____\n"),
    "sent from": Hostile("Sent from my iPhone\n\n"),
    "brackets": Hostile("<"),
    "brackets and words": Hostile("Sent from <a\n"),
    "spaces": Hostile(" "),
    "carriage returns": Hostile("\r"),
    "digits": Hostile("1"),
    "times": Hostile("10:00 "),
    "letters": Hostile("x"),
}
