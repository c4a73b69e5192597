"""What a request may say of a suppression."""

from typing import Annotated

from msgspec import Meta

from chalicelib.api.json_reading import RequestShape
from chalicelib.api.json_requests import AddressText, read_mailbox
from chalicelib.api.problems import Problems
from chalicelib.domain.suppression import SuppressionReason, may_be_suppressed


class NewSuppressionJson(RequestShape, frozen=True):
    """An address that is not to be written to any more."""

    address: AddressText
    reason: Annotated[SuppressionReason, Meta(description="Why; absent: `manual`.")] = SuppressionReason.MANUAL

    def check(self, problems: Problems) -> None:
        if self.address and not may_be_suppressed(self.address):
            problems.note(
                "address",
                "is an address for trying, which is never suppressed; with a label, like bounce+mine@…, it can be",
            )

    @property
    def bare_address(self) -> str:
        return read_mailbox(self.address).address
