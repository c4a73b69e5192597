"""Pages: `limit`, `offset` and `cursor` in, `data`, `total` and `nextCursor` out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.api.json_requests import PageQuery
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId, PublicIds
from chalicelib.operations.ports import Page, PageRequest
from chalicelib.shapes.json_shapes import PageJson

ItemT = TypeVar("ItemT")
EntryT = TypeVar("EntryT")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that cursors are made for: one made for another list, or another's, does not decipher."""

    ids: PublicIds
    name: str
    inbox_number: int = 0  # 0: a list of the account

    @classmethod
    def of_account(cls, ids: PublicIds, name: str, account_id: AccountId) -> "Listing":
        return cls(ids, f"{name}:{account_id}")

    def request(self, query: PageQuery) -> PageRequest:
        """Which part the query asks for. Raises InvalidId or NotFound for a cursor that is not of this list."""
        if query.cursor is None:
            return PageRequest(query.limit, query.offset or 0)
        inbox_number, place = self._opened(query.cursor)
        if inbox_number != self.inbox_number:
            raise NotFound
        return PageRequest(query.limit, after=place)

    def page(self, page: Page[ItemT], as_json: Callable[[ItemT], EntryT]) -> PageJson[EntryT]:
        """The page as it is answered."""
        return PageJson(
            data=[as_json(item) for item in page.items],
            total=page.total,
            next_cursor=None if page.next_after is None else self._cursor(page.next_after),
        )

    # A place in an inbox is a sequence number (36 bits). A place in an account's list is the store's own business
    # and may be as large as an inbox number (56 bits), so it takes the wider field, which has no inbox to hold.

    def _cursor(self, place: int) -> str:
        if self.inbox_number:
            return self.ids.cursor(self.inbox_number, place, of=self.name)
        return self.ids.cursor(place, 0, of=self.name)

    def _opened(self, cursor: str) -> tuple[int, int]:
        number, sequence = self.ids.cursor_place(cursor, of=self.name)
        return (number, sequence) if self.inbox_number else (sequence, number)
