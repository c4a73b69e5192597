"""Why SES says a delivery failed or waits: SES's words as stable codes, and a sentence for a person beside each.

The words are those of the SES Developer Guide, page "Contents of event data that Amazon SES publishes to Amazon SNS"
(bounce types, complaint types, delay types). A word that page does not know yet still gets a code of the same form.
"""

import re

from chalicelib.domain.delivery import Reason

DIAGNOSTIC_CHARACTERS = 500  # servers answer with whole pages at times; the first line says what matters

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CODE_CHARACTERS = 64

# Feedback-Type comes from outside (RFC 5965); only the registered ones become codes (IANA, "MARF Parameters").
_FEEDBACK_TYPES = frozenset({"abuse", "auth-failure", "fraud", "not-spam", "other", "virus"})

_ON_OUR_LIST = "The address is on the suppression list of the AWS account, so SES did not try to deliver."

_SENTENCES = {
    "bounce_permanent": "The recipient's mail server refused the mail for good. Check the address with its owner.",
    "bounce_permanent_general": (
        "The mail was refused for good. The diagnostic has the refusal in the server's words; check the address with its owner."
    ),
    "bounce_permanent_no_email": "There is no such address. Check its spelling; do not write to it again.",
    "bounce_permanent_suppressed": (
        "The address is on SES's own suppression list because mail to it bounced lately. Check the address; "
        "if it is right, write again in two weeks."
    ),
    "bounce_permanent_on_account_suppression_list": f"{_ON_OUR_LIST} Remove it there if its owner wants your mail.",
    "bounce_permanent_on_tenant_suppression_list": (
        "The address is on a suppression list of this SES tenant, so SES did not try to deliver. "
        "Remove it there if its owner wants your mail."
    ),
    "bounce_permanent_email_validation_suppressed": (
        "SES takes the address for one that does not exist and did not try to deliver. Check its spelling."
    ),
    "bounce_permanent_unsubscribed_recipient": "The recipient has unsubscribed. Do not write to this address again.",
    "bounce_transient": "The mail could not be delivered, perhaps only for now. Try again later.",
    "bounce_transient_general": (
        "The recipient's side answered with a notice: an out-of-office reply, or a passing fault after which a later try "
        "may succeed."
    ),
    "bounce_transient_mailbox_full": "The recipient's mailbox is full. Try again later or use another address.",
    "bounce_transient_message_too_large": (
        "The mail is larger than the recipient's server takes. Send smaller or fewer attachments, or a link."
    ),
    "bounce_transient_content_rejected": (
        "The recipient's server does not accept this content. Change the text or its links and send it again."
    ),
    "bounce_transient_attachment_rejected": (
        "The recipient's server does not accept one of the attachments. Remove it or send it in another format."
    ),
    "bounce_transient_custom_timeout_exceeded": (
        "The mail could not be delivered within the time the configuration set allows. Try again later."
    ),
    "bounce_undetermined": (
        "The mail came back and SES could not tell why. Read the diagnostic where there is one, or try again later."
    ),
    "complaint": "The recipient marked the mail as unwanted. Do not write to this address again.",
    "complaint_auth_failure": (
        "The recipient's provider says the mail failed authentication. Check SPF, DKIM and DMARC of the sending domain."
    ),
    "complaint_fraud": "The recipient's provider reported the mail as fraud or phishing. Do not write again.",
    "complaint_not_spam": (
        "The recipient's provider sent a feedback report about the mail that says it is not spam. "
        "Ask the recipient before you write again."
    ),
    "complaint_virus": "The recipient's provider reported a virus in the mail. Check what was attached.",
    "complaint_on_account_suppression_list": (
        f"{_ON_OUR_LIST} It got there by a complaint; remove it only if its owner asks for your mail."
    ),
    "delayed": "Delivery is delayed; SES keeps trying. Nothing needs to be done.",
    "delayed_mailbox_full": "The recipient's mailbox is full; SES keeps trying until there is room or time runs out.",
    "delayed_spam_detected": (
        "The recipient's server takes much mail of this sender for spam just now; SES keeps trying. "
        "Send less and look at what you send."
    ),
    "delayed_recipient_server_error": "The recipient's mail server has a fault; SES keeps trying.",
    "delayed_ip_failure": "The recipient's provider limits mail from the address SES sends from; SES keeps trying.",
    "delayed_transient_communication_failure": "The recipient's mail server could not be reached; SES keeps trying.",
    "reject": "SES took the mail and then refused to send it. Change its content and send it again.",
    "reject_virus": "SES found a virus in the mail and did not send it. Remove the file and send the mail again.",
    "rendering_failure": "SES could not fill in the mail's template. Correct the template or its data and send again.",
}

# Sending the very same mail again cannot help against a refusal of its size or content.
_RETRYABLE = frozenset(
    {
        "bounce_transient",
        "bounce_transient_general",
        "bounce_transient_mailbox_full",
        "bounce_transient_custom_timeout_exceeded",
        "bounce_undetermined",
    }
)


def bounce_reason(bounce_type: str, sub_type: str, diagnostic: str | None) -> Reason:
    """`bounce_<type>_<sub-type>`; only `bounce_undetermined` has no sub-type worth a word."""
    family = f"bounce_{code_word(bounce_type)}"
    sub_code = code_word(sub_type)
    code = family if family == f"bounce_{sub_code}" else f"{family}_{sub_code}"
    return _reason(code, family, diagnostic)


def complaint_reason(feedback_type: str | None, sub_type: str | None) -> Reason:
    """`complaint_<sub-type>` where SES gives one, else `complaint_<feedback type>`, `complaint_other` if unknown."""
    if sub_type:
        return _reason(f"complaint_{code_word(sub_type)}", "complaint", None)
    known = (feedback_type or "").strip().lower()
    return _reason(f"complaint_{code_word(known if known in _FEEDBACK_TYPES else 'other')}", "complaint", None)


def delay_reason(delay_type: str, diagnostic: str | None) -> Reason:
    """`delayed_<delay type>`."""
    return _reason(f"delayed_{code_word(delay_type)}", "delayed", diagnostic)


def reject_reason(reason: str) -> Reason:
    """`reject_virus` for "Bad content", by the guide the only value there is; `reject_<reason>` for any other."""
    word = "virus" if reason.strip().lower() == "bad content" else code_word(reason)
    return _reason(f"reject_{word}", "reject", reason)


def rendering_failure_reason(error_message: str | None) -> Reason:
    """`rendering_failure`, with what SES says of the template."""
    return _reason("rendering_failure", "rendering_failure", error_message)


def code_word(word: str) -> str:
    """SES's word in snake case: `IPFailure` → `ip_failure`, `auth-failure` → `auth_failure`."""
    parts = re.findall(r"[A-Za-z0-9]+", _WORD_STARTS.sub("_", word))
    return "_".join(parts).lower()[:_CODE_CHARACTERS] or "undetermined"


def diagnostic_text(text: str | None) -> str | None:
    """What another server said, short enough to keep; None when it said nothing."""
    return (text or "").strip()[:DIAGNOSTIC_CHARACTERS] or None


def _reason(code: str, family: str, diagnostic: str | None) -> Reason:
    sentence = _SENTENCES.get(code) or _SENTENCES.get(family) or _SENTENCES["bounce_undetermined"]
    return Reason(code, sentence, diagnostic_text(diagnostic), retryable=code in _RETRYABLE)
