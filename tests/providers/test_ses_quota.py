"""What SES says of the account's send rate, over HTTP."""

import json
from collections.abc import Iterator

import boto3
import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.providers.ses_quota import SesQuota
from chalicelib.providers.ses_sender import make_ses_client
from tests.providers.fake_ses import HANG_UP, NEVER, Answer, FakeSes, fake_ses, refusal


def account(max_send_rate: float | None) -> Answer:
    quota = {"Max24HourSend": 50_000.0, "SentLast24Hours": 12.0, "MaxSendRate": max_send_rate}
    told = {name: number for name, number in quota.items() if number is not None}
    return Answer(body=json.dumps({"SendingEnabled": True, "SendQuota": told}).encode())


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSes]:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_MAX_ATTEMPTS": "5",
    }.items():
        monkeypatch.setenv(name, value)
    with fake_ses() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", server.url)
        yield server


@pytest.fixture
def quota(ses: FakeSes) -> Iterator[SesQuota]:
    client = make_ses_client(connect_timeout=1, read_timeout=0.3)
    yield SesQuota(client)
    client.close()


@pytest.mark.parametrize(("told", "rate"), [(14.0, 14.0), (0.5, 0.5), (-1.0, None), (0.0, None)])
def test_the_rate_is_what_ses_says_and_none_where_there_is_no_limit(
    ses: FakeSes, quota: SesQuota, told: float, rate: float | None
) -> None:
    ses.answer = account(told)

    assert quota.max_send_rate() == rate
    assert [(method, path) for method, path, _ in ses.requests] == [("GET", "/v2/email/account")]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(429, "TooManyRequestsException"),
        refusal(403, "AccessDeniedException"),
        refusal(500, "InternalServiceError"),
        Answer(body=b"{}"),
        account(None),
        HANG_UP,
        NEVER,
    ],
    ids=["429", "403", "500", "nothing", "no rate", "hang-up", "silence"],
)
def test_whatever_goes_wrong_ses_does_not_tell_and_is_asked_once(ses: FakeSes, quota: SesQuota, answer: Answer) -> None:
    ses.answer = answer

    with pytest.raises(Unavailable):
        quota.max_send_rate()
    assert len(ses.requests) == 1
