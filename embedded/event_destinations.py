"""Which topics hear of which events: the event destinations of SES's configuration sets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from embedded.resources import EventDestination
from embedded.ses_journal import OwedEvent


@dataclass(frozen=True)
class EventDestinations:
    """All of a deployment's."""

    destinations: Sequence[EventDestination]

    def know(self, configuration_set: str) -> bool:
        return any(destination.configuration_set == configuration_set for destination in self.destinations)

    def owed(self, configuration_set: str | None, due_at: float, event: dict[str, Any]) -> Iterator[OwedEvent]:
        """The event for each topic that wants its type, due at that time (seconds since the epoch)."""
        for destination in self.destinations:
            wanted = destination.configuration_set == configuration_set
            if wanted and _matching_type(event) in destination.event_types:
                yield OwedEvent(due_at, destination.topic_arn, event)


def _matching_type(event: dict[str, Any]) -> str:
    """The name an event destination knows the event by: `DeliveryDelay` is `deliveryDelay`."""
    name = str(event["eventType"])
    return name[0].lower() + name[1:]
