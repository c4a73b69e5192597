"""The new words of an answer, without the quoted history and the signature."""


def extract_reply(body_text: str, body_html: str | None) -> str:  # noqa: ARG001 - comes with the HTML rules
    """What the sender wrote anew; the whole text, stripped, when nothing in it is recognised as old."""
    lines = [line for line in body_text.replace("\r\n", "\n").split("\n") if not line.startswith(">")]
    return "\n".join(lines).strip() or body_text.strip()
