"""Count a message that is to be sent against the day of its inbox and of its account, and give it a number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.account import Account, Caller
from chalicelib.domain.errors import AgentSendError, ErrorCode, Forbidden, NotFound, TooMany, Unavailable
from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.operations.judge_inbox import JudgeInbox
from chalicelib.operations.ports import AccountStore, Allowance, Clock, InboxStore, Reservation

SECONDS_A_DAY = 86_400
# Messages that an account may still send today, as far as this process knows: with more than so many left, inbox and account
# are asked side by side. With fewer, the inbox first: a send that it refuses would hold, for a moment, the place of another.
PLENTY = 1_000
_TRIES = 3  # of a send that meets somebody who sets its inbox to active


@dataclass(frozen=True)
class ReserveSend:
    """Never more than either limit, however many ask at once; a message that comes to nothing is given back."""

    inboxes: InboxStore
    accounts: AccountStore
    judge: JudgeInbox
    clock: Clock
    _known: dict[AccountId, Account] = field(default_factory=dict)  # as this process last saw them

    def __call__(self, inbox_number: int, caller: Caller) -> "Claim":
        """A claim on a place; its calls take it."""
        return Claim(self, inbox_number, caller, self.clock())

    def has_plenty(self, account_id: AccountId, day: str) -> bool:
        known = self._known.get(account_id)
        return known is not None and known.may_send and known.daily_send_limit - known.sends_on(day) > PLENTY

    def of_inbox(self, inbox_number: int, caller: Caller, now: datetime) -> Reservation:
        if not caller.may_use_inbox(inbox_number):
            raise NotFound
        for _ in range(_TRIES):
            outcome = self.inboxes.reserve(inbox_number, caller.account_id, f"{now:%Y-%m-%d}")
            if isinstance(outcome, Reservation):
                self._judge_behind(outcome)
                return outcome
            if outcome is None or outcome.is_deleted:
                raise NotFound
            inbox = self.judge.look_at(outcome)
            if inbox.status is InboxStatus.SUSPENDED:
                raise _suspended(inbox)
            if not outcome.has_lost_trust:
                raise _used_up(
                    "This inbox", inbox.daily_send_limit, "raise its dailySendLimit, or use another inbox", now
                )
        raise Unavailable("The inbox is suspended and set to active at the same time.")

    def _judge_behind(self, reservation: Reservation) -> None:
        """It may be the hundredth message, with which judging begins."""
        try:
            self.judge.look_at(reservation.inbox)
        except AgentSendError:
            self.inboxes.give_back(reservation.inbox)
            raise

    def of_account(self, account_id: AccountId, now: datetime) -> Account:
        outcome = self.accounts.reserve(account_id, f"{now:%Y-%m-%d}")
        if outcome is None:
            raise NotFound
        account = outcome.account if isinstance(outcome, Allowance) else outcome
        self._known[account_id] = account
        if isinstance(outcome, Allowance):
            return account
        if not account.may_send:
            raise Forbidden(
                "This account is suspended and does not send; mail to it still arrives, and everything can be read.",
                fix="Ask whoever runs this deployment; PATCH /accounts/{id} with an admin key sets it to active.",
                code=ErrorCode.ACCOUNT_SUSPENDED,
            )
        ask = "ask whoever runs this deployment for a higher dailySendLimit"
        raise _used_up("This account", account.daily_send_limit, ask, now)


@dataclass
class Claim:
    """One message's places in the counts of its inbox and its account, as far as they are taken."""

    desk: ReserveSend
    inbox_number: int
    caller: Caller
    now: datetime
    _taken: Reservation | None = None
    _account: Account | None = None

    def calls(self) -> Sequence[Callable[[], None]]:
        """To be made side by side; when one fails, what the others took is given back."""
        if self.desk.has_plenty(self.caller.account_id, f"{self.now:%Y-%m-%d}"):
            return (self._take_inbox, self._take_account)
        return (self._take_in_turn,)

    def _take_in_turn(self) -> None:
        self._take_inbox()
        self._take_account()

    def _take_inbox(self) -> None:
        self._taken = self.desk.of_inbox(self.inbox_number, self.caller, self.now)

    def _take_account(self) -> None:
        self._account = self.desk.of_account(self.caller.account_id, self.now)

    @property
    def reservation(self) -> Reservation:
        if self._taken is None:
            raise TypeError("nothing was reserved")
        return self._taken

    def give_back(self) -> None:
        """Uncount what was counted; a number that was given out stays used."""
        if self._taken is not None:
            self.desk.inboxes.give_back(self._taken.inbox)
        if self._account is not None:
            self.desk.accounts.give_back(self._account)
        self._taken = self._account = None


def _suspended(inbox: Inbox) -> Forbidden:
    if inbox.suspension is None:
        why, fix = "it was suspended by request", "Set its status to active: PATCH /inboxes/{id}."
    else:
        why = f"since it was last active, {inbox.reputation}; at most 5 % and 0.1 % are allowed"
        fix = (
            "Find out why, and write to these addresses no more; then set its status to active (PATCH /inboxes/{id}), "
            "and counting begins anew."
        )
    message = f"This inbox is suspended and does not send: {why}. Mail to it still arrives."
    return Forbidden(message, fix=fix, code=ErrorCode.INBOX_SUSPENDED)


def _used_up(whose: str, limit: int, otherwise: str, now: datetime) -> TooMany:
    seconds = SECONDS_A_DAY - (now.hour * 3600 + now.minute * 60 + now.second)
    return TooMany(
        f"{whose} has sent its {limit} messages of today.",
        fix=f"Wait until midnight UTC, in {seconds} s; or {otherwise}.",
        retry_after=seconds,
        code=ErrorCode.DAILY_LIMIT_EXCEEDED,
    )
