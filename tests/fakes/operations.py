"""Operations that answer what a test tells them to, and remember how they were called."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.account import Caller, RateLimit
from chalicelib.domain.ids import PublicIds
from chalicelib.domain.usage import Usage
from chalicelib.operations.answer_once import AnswerOnce
from chalicelib.operations.authenticate import Authenticated
from chalicelib.operations.show_usage import UsageOfNow
from tests.factories.accounts import make_caller
from tests.fakes.clock import FakeClock
from tests.fakes.idempotency_store import FakeIdempotencyStore

IDS = PublicIds(b"a secret only of the tests")


@dataclass(frozen=True)
class Call:
    """How an operation was called."""

    name: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


@dataclass
class FakeOperations:
    """`answers` maps an operation to what it returns, to an error it raises, or to a function that does its work."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    caller: Caller = field(default_factory=make_caller)
    rate: RateLimit = field(default_factory=lambda: RateLimit(limit=100, remaining=99, reset_after=42))
    clock: FakeClock = field(default_factory=FakeClock)
    idempotency: FakeIdempotencyStore = field(default_factory=FakeIdempotencyStore)
    keys_seen: list[str] = field(default_factory=list)

    def public_ids(self) -> PublicIds:
        return IDS

    def authenticate(self, key_text: str) -> Authenticated:
        self.keys_seen.append(key_text)
        if isinstance(error := self.answers.get("authenticate"), Exception):
            raise error
        return Authenticated(self.caller, self.rate)

    def show_usage_of_now(self, _caller: Caller) -> UsageOfNow:
        """What GET /account, by which many conventions are tested, shows beside the account."""
        return UsageOfNow(Usage(requests=1), Usage(requests=9, sends=2, recipients=3, inbound=4, bytes_stored=5))

    @property
    def answer_once(self) -> AnswerOnce:
        return AnswerOnce(self.idempotency, self.clock)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def operation(*positional: Any, **named: Any) -> Any:
            if name not in self.answers:
                raise LookupError(f"the test did not say what {name} answers")
            self.calls.append(Call(name, positional, named))
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer(*positional, **named) if callable(answer) else answer

        return operation

    def last(self, name: str) -> Call:
        """The latest call of an operation."""
        return [call for call in self.calls if call.name == name][-1]

    def count(self, name: str) -> int:
        return len([call for call in self.calls if call.name == name])
