"""To whom a webhook may go, how a try ends, and what is never told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from compliance.connectors import destinations
from compliance.connectors.refusals import FetchRefused
from compliance.outlet import targets
from compliance.outlet.posting import Outcome, Poster, PostLimits
from tests.compliance.connectors.conftest import Handler, MediaServer, answer
from tests.compliance.connectors.conftest import serve as serve
from tests.compliance.connectors.test_transport import certificate as certificate
from tests.compliance.outlet.receiver import Receiver, receiving

HEADERS = {"webhook-id": "msg_1"}
HOSTILE = [
    "127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1",
    "fd00::1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "168.63.129.16", "224.0.0.1",
]  # fmt: skip


@pytest.fixture
def far() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def post(far: Receiver, **limits: float) -> Outcome:
    poster = Poster(test_hosts=destinations.parse_test_hosts(far.host), limits=PostLimits(**limits))
    return poster.post(far.url, HEADERS, b'{"a":1}')


def test_a_post_arrives_whole_and_with_nothing_else_of_ours(far: Receiver) -> None:
    outcome = post(far)
    assert (outcome.status, outcome.code, outcome.is_accepted) == (204, "accepted", True)
    (got,) = far.got
    assert got.body == b'{"a":1}'
    assert got.headers == {
        "host": far.host, "user-agent": "callwarden", "content-type": "application/json", "accept": "*/*",
        "accept-encoding": "identity", "content-length": "7", "webhook-id": "msg_1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "is_tired"),
    [
        (200, "accepted", False),
        (299, "accepted", False),
        (301, "redirected", False),
        (307, "redirected", False),
        (400, "refused", False),
        (404, "refused", False),
        (410, "gone", False),
        (429, "rate_limited", True),
        (500, "failed", False),
        (502, "overloaded", True),
        (503, "overloaded", True),
        (504, "overloaded", True),
        (0, "protocol_error", False),
    ],
)
def test_every_answer_is_a_code(far: Receiver, status: int, code: str, is_tired: bool) -> None:
    far.fail(status, Location=f"http://{far.host}/elsewhere")
    outcome = post(far)
    assert (outcome.code, outcome.is_tired, outcome.is_gone) == (code, is_tired, status == 410)
    assert outcome.status == (status or None)
    assert len(far.got) == 1  # nothing is followed, nothing is sent twice


@pytest.mark.parametrize(
    ("told", "wait"), [("120", 120.0), ("99999999", 86_400.0), ("soon", None), ("", None), ("-5", None)]
)
def test_the_receivers_wish_to_wait_is_heard_and_bounded(far: Receiver, told: str, wait: float | None) -> None:
    far.fail(503, Retry_After=told)
    assert post(far).told_wait == wait


def test_a_receiver_that_is_not_there(far: Receiver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        outcome = Poster(test_hosts=destinations.parse_test_hosts(host)).post(f"http://{host}/", HEADERS, b"{}")
    assert (outcome.code, outcome.status, outcome.is_tired) == ("connect_failed", None, True)


def test_a_receiver_that_says_little_at_a_time_is_left(serve: Callable[[Handler], MediaServer]) -> None:
    stop = threading.Event()

    def drip(connection: socket.socket, request: str) -> None:
        while not stop.wait(0.02):
            connection.sendall(b"H")

    server = serve(drip)
    poster = Poster(test_hosts=destinations.parse_test_hosts(server.authority), limits=PostLimits(whole_seconds=0.3))
    outcome = poster.post(f"http://{server.authority}/", HEADERS, b"{}")
    stop.set()
    assert outcome.code in {"deadline", "too_slow", "protocol_error"}
    assert outcome.is_tired or outcome.code == "protocol_error"


def test_a_body_without_end_is_not_read(serve: Callable[[Handler], MediaServer]) -> None:
    def flood(connection: socket.socket, request: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1000)
        connection.recv(1)  # until we hang up

    server = serve(flood)
    poster = Poster(test_hosts=destinations.parse_test_hosts(server.authority))
    assert poster.post(f"http://{server.authority}/", HEADERS, b"{}").is_accepted


# --- to whom ----------------------------------------------------------------------------------------------------------


def resolving(*addresses: str) -> tuple[list[str], Callable[[str, int], Sequence[str]]]:
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(f"{host}:{port}")
        return addresses

    return asked, resolve


@pytest.mark.parametrize("address", HOSTILE)
def test_a_name_that_leads_inside_is_not_connected_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connected(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", connected)
    for answers in ((address,), ("93.184.215.14", address)):
        asked, resolver = resolving(*answers)
        outcome = Poster(resolver=resolver).post("https://hooks.integrator.example/a", HEADERS, b"{}")
        assert (outcome.code, outcome.status) == ("blocked_address", None)
        assert asked == ["hooks.integrator.example:443"]


def test_a_test_host_is_this_machine_only() -> None:
    _, resolver = resolving("93.184.215.14")
    poster = Poster(test_hosts=destinations.parse_test_hosts("far.example:8080"), resolver=resolver)
    assert poster.post("http://far.example:8080/", HEADERS, b"{}").code == "blocked_address"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.integrator.example/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/",
        "https://0x7f.1/", "https://localhost/", "https://intranet:8443/", "https://user:pw@hooks.example.com/",
        "https://hooks.example.com/#a", "ftp://hooks.example.com/", "https://", "hooks.example.com", "",
        "https://hooks.example.com\\@127.0.0.1/", "https://hooks.exämple.com/", "https://*.example.com/",
        "https://hooks.example.com /", "https://hooks.example.com:99999/", "https://a" + "b" * 5000 + ".example.com/",
    ],
)  # fmt: skip
def test_what_is_no_public_https_address_is_refused_before_any_name_is_looked_up(url: str) -> None:
    asked, resolver = resolving("93.184.215.14")
    assert Poster(resolver=resolver).post(url, HEADERS, b"{}").code in {"bad_url", "blocked_host"}
    assert asked == []
    with pytest.raises(FetchRefused):
        targets.check(url)


@pytest.mark.parametrize("url", ["https://hooks.example.com/a?b=c", "https://hooks.example.com:8443/"])
def test_a_public_https_address_is_a_target(url: str) -> None:
    assert targets.check(url).is_test_host is False


@pytest.mark.parametrize(
    ("host", "is_trusted", "code"),
    [("media.test", True, "accepted"), ("other.test", True, "tls_failed"), ("media.test", False, "tls_failed")],
)
def test_the_receivers_certificate_must_be_for_its_name(
    serve: Callable[..., MediaServer], certificate: Path, host: str, is_trusted: bool, code: str
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)

    def take(connection: socket.socket, request: str) -> None:
        if not request.endswith("{}"):
            connection.recv(2)
        answer(b"well")(connection, request)

    server = serve(take, server_side)
    port = server.authority.partition(":")[2]
    poster = Poster(
        test_hosts=destinations.parse_test_hosts(f"{host}:{port}"),
        resolver=lambda name, number: ("127.0.0.1",),
        ssl_context=ssl.create_default_context(cafile=str(certificate)) if is_trusted else None,
    )
    assert poster.post(f"https://{host}:{port}/", HEADERS, b"{}").code == code
    assert len(server.requests) == (code == "accepted")


def test_no_proxy_is_asked(far: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(far).is_accepted


def test_the_address_is_in_no_representation(far: Receiver) -> None:
    assert far.host not in repr(post(far))
