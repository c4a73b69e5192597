"""Addresses that write automatic mail, in memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from chalicelib.domain.loop import LoopSuspicion, Origin, Peer, peer_name, suspicion


@dataclass
class FakePeerStore:
    """Behaves as the real one."""

    peers: dict[tuple[int, str], Peer] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def note_mail(self, inbox_number: int, address: str, origin: Origin, at: datetime) -> None:
        with self._lock:
            place = inbox_number, peer_name(address)
            known = self.peers.get(place)
            if known is None:
                if origin is Origin.PERSON:
                    return
                known = Peer()
            name = f"{origin}_at"
            newest = getattr(known, name)
            if newest is None or newest < at:
                self.peers[place] = replace(known, version=known.version + 1, **{name: at})  # type: ignore[arg-type]

    def find(self, inbox_number: int, addresses: Collection[str]) -> Mapping[str, Peer]:
        found = {address: self.peers.get((inbox_number, peer_name(address))) for address in addresses}
        return {address: peer for address, peer in found.items() if peer is not None}

    def note_send(self, inbox_number: int, peers: Mapping[str, Peer], at: datetime) -> LoopSuspicion | None:
        with self._lock:
            standing = self.find(inbox_number, peers)
            if found := suspicion(standing, at):
                return found
            for name, peer in {peer_name(address): peer for address, peer in standing.items()}.items():
                self.peers[inbox_number, name] = replace(peer.with_send(at), version=peer.version + 1)
            return None
