"""Which addresses write automatic mail to an inbox, and what was sent to them lately: against endless loops."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.loop import PEER_LIFETIME, LoopSuspicion, Origin, Peer, peer_name, suspicion
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Write, update, update_if, write_together
from chalicelib.storage.failures import MANY_TRIES, raises_unavailable, tries
from chalicelib.storage.tables import PeerItem, batch_get

_ARRIVALS: Mapping[Origin, NumberAttribute] = {
    Origin.PROGRAM: PeerItem.program_at,
    Origin.SIBLING: PeerItem.sibling_at,
    Origin.PERSON: PeerItem.person_at,
}


@raises_unavailable
@dataclass(frozen=True)
class DynamoPeerStore:
    """`operations.ports.PeerStore` over the table."""

    def note_mail(self, inbox_number: int, address: str, origin: Origin, at: datetime) -> None:
        arrival = _ARRIVALS[origin]
        actions: list[Action] = [
            arrival.set(_stamp(at)),
            PeerItem.version.add(1),
            PeerItem.ttl.set(at + PEER_LIFETIME),
        ]
        newer = arrival.does_not_exist() | (arrival < _stamp(at))
        if origin is Origin.PERSON:
            newer = PeerItem.pk.exists() & newer
        update_if(_bare_item(inbox_number, address), actions, newer)

    def find(self, inbox_number: int, addresses: Collection[str]) -> Mapping[str, Peer]:
        partition = keys.inbox_partition(inbox_number)
        places = {address: keys.peer(peer_name(address)) for address in addresses}
        raw = batch_get([(partition, place) for place in dict.fromkeys(places.values())])
        items = {item.sk: item for item in map(PeerItem.from_raw_data, raw)}
        return {address: _peer(items[place]) for address, place in places.items() if place in items}

    def note_send(self, inbox_number: int, peers: Mapping[str, Peer], at: datetime) -> LoopSuspicion | None:
        for _ in tries(MANY_TRIES):
            if found := suspicion(peers, at):
                return found
            distinct = {peer_name(address): peer for address, peer in peers.items()}
            # A transaction also for one: it carries a token, so that a repeat after a lost reply counts no second send.
            if not write_together([_send(inbox_number, name, peer, at) for name, peer in distinct.items()]):
                return None
            peers = self.find(inbox_number, peers)
            if not peers:
                return None
        raise Unavailable("Too many are sending to the same address.")


def _send(inbox_number: int, name: str, peer: Peer, at: datetime) -> Write:
    sends = ",".join(str(_stamp(each)) for each in peer.with_send(at).sends)
    actions: list[Action] = [PeerItem.sends.set(sends), PeerItem.version.add(1)]
    return update(_bare_item(inbox_number, name), actions, PeerItem.version == peer.version)


def _bare_item(inbox_number: int, address: str) -> PeerItem:
    return PeerItem(keys.inbox_partition(inbox_number), keys.peer(peer_name(address)))


def _peer(item: PeerItem) -> Peer:
    return Peer(
        program_at=_known(item.program_at),
        sibling_at=_known(item.sibling_at),
        person_at=_known(item.person_at),
        sends=tuple(_moment(int(stamp)) for stamp in (item.sends or "").split(",") if stamp),
        version=int(item.version),
    )


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _moment(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)


def _known(stamp: float | None) -> datetime | None:
    return None if stamp is None else _moment(stamp)
