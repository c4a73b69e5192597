"""The JSON of suppressions."""

from typing import Annotated

from msgspec import Meta

from chalicelib.domain.ids import PublicIds
from chalicelib.domain.suppression import Suppression, SuppressionReason
from chalicelib.shapes.json_shapes import Shape, Timestamp, timestamp


class SuppressionJson(Shape, frozen=True):
    """An address that the account does not write to."""

    address: Annotated[str, Meta(examples=["ana@example.com"], description="In small letters.")]
    reason: SuppressionReason
    message_id: Annotated[str | None, Meta(description="Whose bounce or complaint it was; null: it was asked for.")]
    created_at: Timestamp


class LineProblemJson(Shape, frozen=True):
    """A line that was left out, and why."""

    line: Annotated[int, Meta(ge=1)]
    message: str


class ImportedJson(Shape, frozen=True):
    """What became of the lines: every one is in one of the three."""

    added: Annotated[int, Meta(ge=0)]
    already: Annotated[
        int, Meta(ge=0, description="On the list before, or named by an earlier line; they stay as they are.")
    ]
    invalid: list[LineProblemJson]


def suppression_as_json(suppression: Suppression, ids: PublicIds) -> SuppressionJson:
    return SuppressionJson(
        address=suppression.address,
        reason=suppression.reason,
        message_id=ids.message_id(suppression.message) if suppression.message else None,
        created_at=timestamp(suppression.created_at),
    )
