"""How far SES's news has come."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import update_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.moments import from_microseconds, to_microseconds
from chalicelib.storage.tables import NewsMarkItem


@raises_unavailable
@dataclass(frozen=True)
class DynamoNewsMark:
    """`operations.ports.NewsMark` over the table."""

    def get(self) -> datetime | None:
        try:
            item = NewsMarkItem.get(keys.DEPLOYMENT_PARTITION, keys.NEWS_MARK, consistent_read=True)
        except NewsMarkItem.DoesNotExist:
            return None
        return from_microseconds(item.accepted_at)

    def raise_to(self, accepted_at: datetime) -> None:
        mark = to_microseconds(accepted_at)
        stands = NewsMarkItem.accepted_at
        update_if(
            NewsMarkItem(keys.DEPLOYMENT_PARTITION, keys.NEWS_MARK),
            [stands.set(mark)],
            stands.does_not_exist() | (stands < mark),  # refused: it stands higher already
        )
