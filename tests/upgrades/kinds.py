"""Every kind of item in the table, by its key (chalicelib/storage/keys.py), and the model that reads it."""

import re
from dataclasses import dataclass
from typing import Any

from chalicelib.storage import tables as t


@dataclass(frozen=True)
class Kind:
    """Items whose partition and sort keys look so; without a model they are read raw (cells, tallies, counters)."""

    partition: str
    sort_key: str
    model: type[t.Item] | None = None

    def fits(self, item: Any) -> bool:
        return bool(re.fullmatch(self.partition, item["pk"]["S"]) and re.fullmatch(self.sort_key, item["sk"]["S"]))


_INBOX, _ACCOUNT, _WEBHOOK, _NUMBER = r"I#\w+", r"A#acc_\w+", r"W#wh_\w+", r"\d+"
_LISTS = rf"({_ACCOUNT}|D)"

KINDS = (
    Kind(_INBOX, r"F#\d{9}"),
    Kind(_INBOX, "F:head"),
    Kind(_INBOX, "F:inbox", t.InboxItem),
    Kind(_INBOX, r"D#\d{9}"),
    Kind(_INBOX, r"M#\d{11}", t.ContentItem),
    Kind(_INBOX, r"M#\d{11}#V", t.DeliveryItem),
    Kind(_INBOX, r"R#.+", t.FilingItem),
    Kind(_INBOX, r"H#[0-9a-f]+", t.MessageIdHeaderItem),
    Kind(_INBOX, r"P#[0-9a-f]+", t.PeerItem),
    Kind(_INBOX, r"T#\d{11}", t.ThreadItem),
    Kind(_INBOX, r"T#\d{11}#\d{11}", t.ThreadChunkItem),
    Kind(_INBOX, "Q", t.SequenceMarkItem),
    Kind(_ACCOUNT, "A", t.AccountItem),
    Kind(_LISTS, r"L#\w+"),
    Kind(_LISTS, r"L#\w+#B#\d{9}"),
    Kind(_LISTS, r"L#\w+#E#\d{11}", t.EntryItem),
    Kind(_ACCOUNT, r"H#wh_\w+", t.WebhookItem),
    Kind(_ACCOUNT, r"O#dom_\w+", t.DomainItem),
    Kind(_ACCOUNT, r"X#.+", t.SuppressionItem),
    Kind(_ACCOUNT, "Y", t.UsageMarkItem),
    Kind(_ACCOUNT, r"Y#\w+#[\d-]+", t.UsageItem),
    Kind(_ACCOUNT, r"Z#[\d-]+", t.UsageItem),
    Kind(r"G#.+", "H", t.HoldingItem),
    Kind(r"G#.+", r"C#acc_\w+", t.ClaimItem),
    Kind(_WEBHOOK, "S", t.EndpointItem),
    Kind(_WEBHOOK, "C", t.CallsItem),
    Kind(_WEBHOOK, r"D#\d+#\d+", t.WebhookDeliveryItem),
    Kind(_WEBHOOK, r"L#\d+#\d+", t.WebhookJobItem),
    Kind(r"Y#\d", r"[\d#]+wh_\w+#\d+#\d+", t.WebhookJobItem),
    Kind("Z#domains", r"[\d#]+dom_\w+", t.DueDomainItem),
    Kind("Z#rules", r"\d+#\w+", t.RuleWorkItem),
    Kind(r"E#acc_\w+", r"#evt_\w+", t.LateEventItem),
    Kind(r"E#acc_\w+", _NUMBER, t.LogChunkItem),
    Kind(r"K#.+", "K", t.KeyItem),
    Kind(r"N#.+", "N", t.AddressItem),
    Kind(r"N=[0-9a-f]+", "N", t.ForgottenAddressItem),
    Kind(r"S#.+", "S", t.SesMessageIdItem),
    Kind(r"P#acc_\w+#\d+", r"[0-9a-f]+", t.IdempotencyItem),
    Kind("X", r"\w+#.+", t.ErasureItem),
    Kind(r"U#att_\w+", "U", t.AttachmentItem),
    Kind(r"U#att_\w+", r"U#\w+#\d+", t.AttachmentUseItem),
    Kind("D", "id-key", t.IdKeyItem),
    Kind("D", "send-rate", t.SendRateItem),
    Kind("D", "news-mark", t.NewsMarkItem),
    Kind("D", r"R#\d+", t.RuleNamesItem),
    Kind("D", r"W#\w+", t.WalkItem),
)


def kind_of(item: Any) -> Kind:
    (kind,) = [kind for kind in KINDS if kind.fits(item)]
    return kind
