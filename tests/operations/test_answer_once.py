"""Every way a request with an Idempotency-Key can end."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Conflict, DeletedSince, ErrorCode, Forbidden, NotFound, Unavailable
from chalicelib.operations.answer_once import Answer, AnswerOnce, Fresh, NameResource
from tests.fakes.clock import FakeClock
from tests.fakes.idempotency_store import FakeIdempotencyStore

KEY = "acc_1 POST /inboxes abc"
BODY = b"hash of the body"
OTHER_BODY = b"hash of another"


class Crash(BaseException):
    """The process dies here: nothing after it runs, not even an `except Exception`."""


@dataclass
class World:
    """A store of numbered resources, a clock, and requests that may die on their way."""

    store: FakeIdempotencyStore = field(default_factory=FakeIdempotencyStore)
    clock: FakeClock = field(default_factory=FakeClock)
    resources: list[str] = field(default_factory=list)
    created: int = 0

    def request(
        self, *, fail: Callable[[str], None] = lambda step: None, body: bytes = BODY, kept: bytes | None = None
    ) -> Answer:
        """Ask once; `fail` is called between the steps of creating and may raise."""

        def create(name_resource: NameResource) -> Fresh:
            fail("before naming")
            self.created += 1
            resource = f"resource {self.created}"
            name_resource(resource)
            fail("after naming")
            self.resources.append(resource)
            fail("after creating")
            return Fresh(resource.encode(), kept=kept)

        return AnswerOnce(self.store, self.clock)(KEY, body, create, self.recover)

    def recover(self, resource: str) -> Fresh | None:
        return Fresh(resource.encode(), by_earlier_request=True) if resource in self.resources else None


def failing(step: str, error: BaseException) -> Callable[[str], None]:
    def fail(reached: str) -> None:
        if reached == step:
            raise error

    return fail


def test_first_request_creates_and_is_no_replay() -> None:
    world = World()
    assert world.request() == Answer(b"resource 1", replayed=False)
    assert world.resources == ["resource 1"]


def test_second_request_gets_the_first_answer_again() -> None:
    world = World()
    world.request()
    assert world.request() == Answer(b"resource 1", replayed=True)
    assert world.resources == ["resource 1"]


def test_replay_shows_the_kept_answer_where_a_secret_is_left_out() -> None:
    world = World()
    assert world.request(kept=b"without the secret").answer == b"resource 1"
    assert world.request() == Answer(b"without the secret", replayed=True)


def test_other_body_is_refused_and_leaves_the_first_answer_alone() -> None:
    world = World()
    world.request()
    with pytest.raises(Conflict) as refusal:
        world.request(body=OTHER_BODY)
    assert refusal.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert refusal.value.retry_after is None
    assert world.request() == Answer(b"resource 1", replayed=True)


def test_request_beside_a_running_one_is_told_to_come_back_in_a_second() -> None:
    world = World()

    def meanwhile(step: str) -> None:
        if step == "after naming":
            with pytest.raises(Conflict) as refusal:
                world.request()
            assert (refusal.value.code, refusal.value.retry_after) == (ErrorCode.IDEMPOTENCY_IN_PROGRESS, 1)
            assert refusal.value.retryable

    world.request(fail=meanwhile)
    assert world.resources == ["resource 1"]


def test_other_body_beside_a_running_request_is_called_reuse_not_progress() -> None:
    world = World()
    world.store.begin(KEY, BODY, "another request", world.clock())
    with pytest.raises(Conflict) as refusal:
        world.request(body=OTHER_BODY)
    assert refusal.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED


@pytest.mark.parametrize("step", ["before naming", "after naming"])
def test_refused_request_does_not_use_the_key_up(step: str) -> None:
    world = World()
    with pytest.raises(Forbidden):
        world.request(fail=failing(step, Forbidden("no", fix="")))
    assert world.store.records == {}
    assert not world.request(body=OTHER_BODY).replayed


def test_resource_is_named_before_it_is_created() -> None:
    world = World()
    named: list[str | None] = []

    def look(step: str) -> None:
        named.append(world.store.records[KEY].resource)

    world.request(fail=look)
    assert named == [None, "resource 1", "resource 1"]


def test_dead_owner_holds_the_key_for_35_seconds() -> None:
    world = World()
    with pytest.raises(Crash):
        world.request(fail=failing("before naming", Crash()))
    world.clock.advance(34.999)
    with pytest.raises(Conflict):
        world.request()
    world.clock.advance(0.001)
    assert world.request() == Answer(b"resource 1", replayed=False)


def test_owner_that_died_after_creating_is_found_by_the_name_it_left() -> None:
    world = World()
    with pytest.raises(Crash):
        world.request(fail=failing("after creating", Crash()))
    world.clock.advance(35)
    assert world.request() == Answer(b"resource 1", replayed=True)
    assert world.request() == Answer(b"resource 1", replayed=True)
    assert world.resources == ["resource 1"]


def test_owner_that_died_before_creating_leaves_the_work_to_the_next() -> None:
    world = World()
    with pytest.raises(Crash):
        world.request(fail=failing("after naming", Crash()))
    world.clock.advance(35)
    assert world.request() == Answer(b"resource 2", replayed=False)
    assert world.resources == ["resource 2"]


def test_only_one_of_two_takes_a_dead_owners_key_over() -> None:
    world = World()
    with pytest.raises(Crash):
        world.request(fail=failing("before naming", Crash()))
    stale = world.store.records[KEY]
    world.clock.advance(35)
    assert world.store.take_over(KEY, stale, "somebody faster", world.clock())
    world.store.begin = lambda *_: stale  # type: ignore[method-assign]  # it had read the record before that
    with pytest.raises(Conflict) as refusal:
        world.request()
    assert refusal.value.code is ErrorCode.IDEMPOTENCY_IN_PROGRESS
    assert world.resources == []


def test_failure_after_creating_still_answers_with_what_was_created() -> None:
    world = World()
    answer = world.request(fail=failing("after creating", Unavailable("the reply was lost")))
    assert answer == Answer(b"resource 1", replayed=False)
    assert world.request() == Answer(b"resource 1", replayed=True)


@pytest.mark.parametrize("step", ["before naming", "after naming"])
def test_failure_before_creating_frees_the_key_at_once(step: str) -> None:
    world = World()
    with pytest.raises(Unavailable):
        world.request(fail=failing(step, Unavailable("not now")))
    assert not world.request().replayed
    assert len(world.resources) == 1


def test_failed_naming_creates_nothing_and_frees_the_key() -> None:
    world = World()
    world.store.fails = {"name_resource"}
    with pytest.raises(Unavailable):
        world.request()
    assert world.resources == []
    assert world.store.records == {}


@pytest.mark.parametrize("error", [Unavailable("down"), NotFound()])
def test_unclear_outcome_keeps_the_key_taken_and_the_name_known(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    with pytest.raises(Crash):
        world.request(fail=failing("after creating", Crash()))
    world.clock.advance(35)
    with monkeypatch.context() as patch:

        def unclear(_resource: str) -> Fresh:
            raise error

        patch.setattr(world, "recover", unclear)
        with pytest.raises(type(error)):
            world.request()
    world.clock.advance(35)
    assert world.request() == Answer(b"resource 1", replayed=True)
    assert world.resources == ["resource 1"]


def test_answer_that_cannot_be_kept_is_given_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.store.fails = {"finish"}
    assert world.request().answer == b"resource 1"
    assert "could not be kept" in caplog.text
    world.store.fails = set()
    world.clock.advance(35)
    assert world.request() == Answer(b"resource 1", replayed=True)


def test_key_that_cannot_be_freed_does_not_hide_the_refusal(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.store.fails = {"forget"}
    with pytest.raises(Forbidden):
        world.request(fail=failing("before naming", Forbidden("no", fix="")))
    assert "could not be freed" in caplog.text


def test_stalled_owner_does_not_touch_its_heirs_record() -> None:
    world = World()

    def stall(step: str) -> None:
        if step == "after naming":
            world.clock.advance(36)
            assert world.request().answer == b"resource 2"
            raise Unavailable("its reservation was killed")

    with pytest.raises(Unavailable):
        world.request(fail=stall)
    assert world.store.records[KEY].answer == b"resource 2"
    assert world.request() == Answer(b"resource 2", replayed=True)


def test_owner_that_stalled_before_naming_creates_nothing_once_it_has_an_heir() -> None:
    world = World()

    def stall(step: str) -> None:
        if step == "before naming" and not world.resources:
            world.clock.advance(36)
            assert world.request().answer == b"resource 1"

    with pytest.raises(Unavailable):
        world.request(fail=stall)
    assert world.resources == ["resource 1"]
    assert world.request() == Answer(b"resource 1", replayed=True)


def test_answer_too_large_to_keep_is_made_again_from_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.idempotency_store.ANSWER_LIMIT", 5)
    world = World()
    world.request()
    assert world.store.records[KEY].answer is None
    assert world.request() == Answer(b"resource 1", replayed=True)
    assert world.resources == ["resource 1"]


def test_resource_of_an_answer_too_large_to_keep_is_not_created_again_once_it_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.fakes.idempotency_store.ANSWER_LIMIT", 5)
    world = World()
    world.request()
    world.resources.clear()
    with pytest.raises(DeletedSince):
        world.request()
    assert world.created == 1


def test_stalled_owner_that_lost_the_key_before_naming_creates_nothing() -> None:
    world = World()

    def stall(step: str) -> None:
        if step == "before naming" and not world.resources:
            world.clock.advance(36)
            world.request()

    with pytest.raises(Unavailable):
        world.request(fail=stall)
    assert world.resources == ["resource 1"]
    assert world.request() == Answer(b"resource 1", replayed=True)


STEPS = ["before naming", "after naming", "after creating"]


@given(
    deaths=st.lists(
        st.tuples(st.sampled_from(STEPS), st.sampled_from([Crash(), Unavailable("down")]), st.integers(0, 60)),
        max_size=8,
    )
)
def test_one_resource_comes_of_any_sequence_of_crashes_and_failures(
    deaths: list[tuple[str, BaseException, int]],
) -> None:
    world = World()
    answers = set()
    for step, error, pause in deaths:
        with contextlib.suppress(Crash, Unavailable, Conflict):
            answers.add(world.request(fail=failing(step, error)).answer)
        world.clock.advance(pause)
    world.clock.advance(35)
    answers.add(world.request().answer)
    assert [resource.encode() for resource in world.resources] == list(answers)
