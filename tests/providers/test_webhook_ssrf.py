"""Nothing inside is ever called: for every form of an address that leads there, not one connection is made."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.public_address import Address, is_public
from chalicelib.domain.webhook_url import BadWebhookUrl
from chalicelib.providers.webhook_client import HttpsWebhookClient
from tests.providers.listener import NAME, Listener, listening

PUBLIC = ip_address("93.184.216.34")

# Written so that some parser somewhere takes it for 127.0.0.1, an address of a private network, or a metadata service.
INSIDE = [
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0x7F.1/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://127.0.0.1.:8443/",
    "https://127.000.000.001/",
    "https://00000177.0.0.1/",
    "https://4294967295/",
    "https://4294967297/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0x0/",
    "https://256.256.256.256/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://192.0.0.1/",
    "https://192.0.0.192/latest/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://192.88.99.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials/",
    "https://169.254.169.253/",
    "https://169.254.169.123/",
    "https://0xa9fea9fe/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://168.63.129.16/",
    "https://100.100.100.200/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[fd00:ec2::253]/",
    "https://[fd20:ce::254]/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[0:0:0:0:0:ffff:a00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::10.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "https://[2001:db8::1]/",
    "https://[2001:20::1]/",
    "https://[2606:4700::5efe:127.0.0.1]/",
    "https://[2606:4700::200:5efe:10.0.0.1]/",
    "https://[3fff::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://[v1.127.0.0.1]/",
    "https://[127.0.0.1]/",
    "https://user@127.0.0.1/",
    "https://user:word@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com:443@127.0.0.1/",
    "https://127.0.0.1#@hooks.example.com/",
    "https://127.0.0.1\\@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://127.0.0.1%00.example.com/",
    "https://127.0.0.1%2f@hooks.example.com/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://ⓛocalhost/",
    "https://127.0.0.1\t/",
    "https://127.0.0.1\n.example.com/",
    " https://127.0.0.1/",
    "https:/127.0.0.1/",
    "https:127.0.0.1",
    "https:///127.0.0.1/",
    "//127.0.0.1/",
    "http://127.0.0.1/",
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "javascript:alert(1)",
    "data:text/plain,x",
    "unix:/var/run/docker.sock",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:80/",
    "https://hooks.example.com:6379/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:-443/",
    "https://hooks.example.com:４４３/",
    "https://./",
    "https://../",
    "https://-/",
    "https://",
    "",
]
# What a name may lead to instead.
ADDRESSES = [
    "127.0.0.1", "10.1.2.3", "172.31.0.2", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "0.1.2.3",
    "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:a00:1::", "2001::1",
    "fec0::1", "fe80::1%1", "168.63.129.16",
]  # fmt: skip


class Names:
    """A resolver that gives each answer in turn, and the last one for ever."""

    def __init__(self, *answers: Sequence[Address]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as the_listener:
        yield the_listener


TLS = ssl.create_default_context()


def client(listener: Listener, names: Names, *, loopback: bool = False) -> HttpsWebhookClient:
    return HttpsWebhookClient(loopback=loopback, resolver=names, context=TLS, connect=listener.connect, seconds=0.3)


@pytest.mark.parametrize("loopback", [False, True])
def test_no_form_of_an_inner_address_is_ever_called(listener: Listener, *, loopback: bool) -> None:
    names = Names([PUBLIC])
    allowed = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1")
    urls = [url for url in INSIDE if not (loopback and any(f"/{each}" in url or f"[{each}" in url for each in allowed))]
    urls = [url for url in urls if not (loopback and "0:0:0:0:0:0:0:1" in url)]

    answers = {url: client(listener, names, loopback=loopback).post(url, {}, b"{}") for url in urls}

    assert [url for url, answer in answers.items() if answer.status_code is not None or not answer.error] == []
    assert (listener.asked, listener.requests, names.asked) == ([], [], [])


def test_the_listener_would_have_heard_it(listener: Listener) -> None:
    """The same listener hears a call of the public address; it speaks no TLS, so that is all that comes of it."""
    answer = client(listener, Names([PUBLIC])).post(f"https://{NAME}/", {}, b"{}")

    assert listener.asked == [("93.184.216.34", 443)]
    assert answer.error is not None


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_name_that_leads_inside_is_not_called_even_if_it_leads_outside_as_well(
    listener: Listener, address: str
) -> None:
    inner = ip_address(address)
    for found in ([inner], [PUBLIC, inner], [inner, PUBLIC]):
        answer = client(listener, Names(found)).post(f"https://{NAME}/", {}, b"{}")
        assert "not an address of the public internet" in (answer.error or "")
    assert listener.asked == []


def test_a_name_that_turns_inside_after_it_was_checked_is_not_called(listener: Listener) -> None:
    names = Names([PUBLIC], [ip_address("169.254.169.254")])
    rebinding = client(listener, names)

    rebinding.check(f"https://{NAME}/")
    answer = rebinding.post(f"https://{NAME}/", {}, b"{}")

    assert "169.254.169.254" in (answer.error or "")
    assert listener.asked == []


def test_a_name_is_looked_up_once_an_attempt_and_that_very_address_is_called(listener: Listener) -> None:
    names = Names([PUBLIC], [ip_address("127.0.0.1")])

    client(listener, names).post(f"https://{NAME}:8443/", {}, b"{}")

    assert names.asked == [(NAME, 8443)]
    assert listener.asked == [("93.184.216.34", 8443)]


@pytest.mark.parametrize("url", INSIDE)
def test_none_of_them_can_be_given_to_a_webhook(url: str) -> None:
    with pytest.raises(BadWebhookUrl) as refusal:
        HttpsWebhookClient(resolver=Names([PUBLIC]), context=TLS).check(url)
    assert str(refusal.value).split()[0] in ("must", "leads", "has", "is")


def test_a_name_without_an_address_cannot_be_given_to_a_webhook() -> None:
    with pytest.raises(BadWebhookUrl, match="no address"):
        HttpsWebhookClient(resolver=Names([])).check(f"https://{NAME}/")


def test_a_proxy_of_the_environment_is_not_used(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    client(listener, Names([PUBLIC])).post(f"https://{NAME}/", {}, b"{}")

    assert listener.asked == [("93.184.216.34", 443)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://169.254.169.254/", "https://127.0.0.1/", f"https://{NAME}/"])
def test_a_redirect_is_a_failure_and_leads_nowhere(status: int, location: str) -> None:
    with listening(f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n\r\n".encode()) as moved:
        local = HttpsWebhookClient(loopback=True, connect=moved.connect)
        answer = local.post(f"http://127.0.0.1:{moved.port}/", {}, b"{}")

    assert (answer.status_code, answer.is_success, len(moved.asked)) == (status, False, 1)
    assert "not followed" in (answer.error or "")


@given(st.integers(0, 2**32 - 1).map(ip_address) | st.integers(0, 2**128 - 1).map(ip_address))
def test_whatever_is_public_is_global_and_no_tunnel(address: Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not any((address.is_private, address.is_loopback, address.is_link_local, address.is_multicast))
        assert address.version == 4 or (int(address) >> 125 == 1 and address.sixtofour is None)  # 2000::/3


def test_the_systems_resolver_is_asked_where_none_is_given() -> None:
    found = socket.getaddrinfo("localhost", 443, type=socket.SOCK_STREAM)
    assert found
    with pytest.raises(BadWebhookUrl, match="not an address of the public internet"):
        HttpsWebhookClient().check("https://localhost/")
