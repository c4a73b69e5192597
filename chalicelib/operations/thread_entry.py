"""How a message gets into its thread: it begins it, or joins it."""

from chalicelib.domain.errors import NotFound
from chalicelib.domain.message import Direction, MessageContent
from chalicelib.domain.thread import Thread, participants_among
from chalicelib.operations.ports import ThreadStore


class ThreadEntry:
    """The thread a new message enters, and who else is in it, read anew each time but the first."""

    def __init__(self, threads: ThreadStore, content: MessageContent) -> None:
        self._threads = threads
        self._content = content
        self._joined: tuple[int, ...] = ()

    def enter(self) -> None:
        """Begin the message's thread, or join it. Raises NotFound when the thread has gone meanwhile."""
        content = self._content
        participants = participants_of(content)
        if self.begins:
            thread = Thread(content.thread, content.account_id, content.subject, participants, 1, content.created_at)
            self._threads.begin(thread)
            return
        self._joined = self._threads.join(content.thread, content.key.sequence, participants)
        if not self._joined:
            raise NotFound

    def __call__(self) -> tuple[int, ...]:
        if self.begins:
            return (self._content.key.sequence,)  # nobody can join a thread before its first message is visible
        members, self._joined = self._joined, ()
        return members or self._threads.newest_members(self._content.thread)

    @property
    def begins(self) -> bool:
        """Whether nobody was in the thread before."""
        return self._content.thread.first_sequence == self._content.key.sequence


def participants_of(content: MessageContent) -> tuple[str, ...]:
    """Whom a message brings into its thread."""
    # Blind copies are nobody's business but the sender's: they are no participants. A received message has no blind
    # copy but the inbox itself.
    itself = content.bcc if content.direction is Direction.INBOUND else ()
    return participants_among((*itself, content.sender, *content.to, *content.cc))
