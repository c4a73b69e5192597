import socket

import boto3
import pytest

from embedded.aws_environment import chosen_endpoints, isolate, point, point_everything_else, require_answers
from embedded.errors import CannotRun


def test_the_users_account_is_forgotten_and_the_region_kept() -> None:
    environ = {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SESSION_TOKEN": "token",
        "AWS_CA_BUNDLE": "/etc/ca",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "HOME": "/home/me",
    }
    isolate(environ)
    assert environ["AWS_ACCESS_KEY_ID"] == "embedded"
    assert environ["AWS_REGION"] == environ["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert environ["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:8000"
    assert environ["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environ["HOME"] == "/home/me"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL"} & environ.keys()


def test_loopback_never_goes_through_a_proxy() -> None:
    environ = {"NO_PROXY": "intern.example", "AWS_DEFAULT_REGION": "eu-west-1"}
    isolate(environ)
    isolate(environ)
    assert environ["NO_PROXY"] == "intern.example,127.0.0.1,localhost"
    assert environ["no_proxy"] == "127.0.0.1,localhost"
    assert environ["AWS_REGION"] == "eu-west-1"


def test_only_services_with_a_url_count_as_chosen() -> None:
    environ = {"AWS_ENDPOINT_URL_SQS": "http://x", "AWS_ENDPOINT_URL_SNS": "", "AWS_ENDPOINT_URL": "http://y"}
    assert chosen_endpoints(environ) == {"SQS": "http://x"}


def test_boto3_takes_the_endpoints_from_these_variables() -> None:
    environ: dict[str, str] = {}
    isolate(environ)
    point(environ, "SESV2", "http://127.0.0.1:1111")
    point_everything_else(environ, "http://127.0.0.1:2222")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        session = boto3.session.Session()
        assert session.client("sesv2").meta.endpoint_url == "http://127.0.0.1:1111"
        assert session.client("sts").meta.endpoint_url == "http://127.0.0.1:2222"


def test_a_service_that_is_not_where_it_should_be_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        require_answers({"DYNAMODB": url})

    with pytest.raises(CannotRun, match=f"{url}.*unset AWS_ENDPOINT_URL_DYNAMODB"):
        require_answers({"DYNAMODB": url})


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "http://", "http://127.0.0.1:many", "nonsense"])
def test_what_is_no_address_of_a_service_is_named(url: str) -> None:
    with pytest.raises(CannotRun, match="AWS_ENDPOINT_URL_SQS"):
        require_answers({"SQS": url})
