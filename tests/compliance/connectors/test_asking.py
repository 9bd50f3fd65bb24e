"""Questions to a platform's API: to whom they may go, how they end, and what is never told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from compliance.connectors import destinations
from compliance.connectors.asking import Asker, AskLimits
from compliance.connectors.providers.questions import Answer, AskFailed, Credentials, Question
from tests.compliance.connectors.conftest import Handler, MediaServer
from tests.compliance.connectors.platforms import KEY, FarEnd, Fault, TestPhoneApi, far_end

CREDENTIALS = Credentials(secrets={"api_key": KEY})
SECRET_PATH = Question("GET", "/calls/call-of-maria", (("token", "maria@example.com"),))


@pytest.fixture
def platform() -> Iterator[FarEnd]:
    with far_end() as found:
        yield found


def asker(platform: FarEnd, **limits: float) -> Asker:
    return Asker(test_hosts=destinations.parse_test_hosts(platform.host), limits=AskLimits(**limits))  # type: ignore[arg-type]


def ask(platform: FarEnd, question: Question = SECRET_PATH, **limits: float) -> Answer:
    return asker(platform, **limits).ask(TestPhoneApi(), CREDENTIALS, question, host=platform.host)


def refusal(platform: FarEnd, question: Question = SECRET_PATH, **limits: float) -> AskFailed:
    with pytest.raises(AskFailed) as refused:
        ask(platform, question, **limits)
    return refused.value


def test_a_question_arrives_with_its_credentials_and_nothing_else_of_ours(platform: FarEnd) -> None:
    platform.documents["/v1/calls/x"] = {"id": "x"}
    found = ask(platform, Question("GET", "/calls/x"))
    assert (found.status, found.body) == (200, b'{"id": "x"}')
    assert found.headers["content-type"] == "application/json"
    assert platform.headers == [
        {
            "host": platform.host,
            "user-agent": "callwarden",
            "accept": "application/json",
            "accept-encoding": "identity",
            "authorization": f"Bearer {KEY}",
        }
    ]


def test_a_body_is_sent_whole(platform: FarEnd) -> None:
    platform.documents["/v1/list"] = {}
    ask(platform, Question("POST", "/list", body=b'{"limit": 3}'))
    assert platform.bodies == [b'{"limit": 3}']
    assert platform.headers[0]["content-type"] == "application/json"


def test_an_answer_that_says_no_to_the_thing_itself_is_still_an_answer(platform: FarEnd) -> None:
    assert ask(platform, Question("GET", "/calls/unknown")).status == 404


@pytest.mark.parametrize(
    ("fault", "code", "is_retryable", "wait"),
    [
        (Fault(401), "denied", False, None),
        (Fault(403), "denied", False, None),
        (Fault(429), "rate_limited", True, None),
        (Fault(429, {"Retry-After": "7"}), "rate_limited", True, 7.0),
        (Fault(429, {"Retry-After": "soon"}), "rate_limited", True, None),
        (Fault(429, {"Retry-After": "99999999999"}), "rate_limited", True, 86_400.0),
        (Fault(429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), "rate_limited", True, 0.0),
        (Fault(500), "platform_unavailable", True, None),
        (Fault(503, {"Retry-After": "30"}), "platform_unavailable", True, 30.0),
        (Fault(302, {"Location": "https://elsewhere.example/"}), "redirect_refused", False, None),
        (Fault(200, {"Content-Encoding": "gzip"}), "encoded", False, None),
        (Fault(), "protocol_error", True, None),
    ],
)
def test_how_a_question_fails(
    platform: FarEnd, fault: Fault, code: str, is_retryable: bool, wait: float | None
) -> None:
    platform.faults.append(fault)
    error = refusal(platform)
    assert (error.code, error.is_retryable, error.retry_after) == (code, is_retryable, wait)
    assert len(platform.asked) == 1


def test_a_date_to_wait_for_is_a_number_of_seconds(platform: FarEnd) -> None:
    when = datetime.now(UTC) + timedelta(seconds=100)
    platform.faults.append(Fault(429, {"Retry-After": f"{when:%a, %d %b %Y %H:%M:%S} GMT"}))
    assert 90 < (refusal(platform).retry_after or 0) <= 100


def test_an_answer_has_an_end(platform: FarEnd) -> None:
    platform.faults.append(Fault(200, body=b"x" * 3000))
    assert refusal(platform, max_bytes=2000).code == "too_large"


def test_a_platform_that_says_little_at_a_time_is_left(serve: Callable[[Handler], MediaServer]) -> None:
    stop = threading.Event()

    def drip(connection: socket.socket, request: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while not stop.wait(0.02):
            connection.sendall(b" ")

    server = serve(drip)
    found = Asker(test_hosts=destinations.parse_test_hosts(server.authority), limits=AskLimits(whole_seconds=0.3))
    with pytest.raises(AskFailed) as refused:
        found.ask(TestPhoneApi(), CREDENTIALS, SECRET_PATH, host=server.authority)
    stop.set()
    assert (refused.value.code, refused.value.is_retryable) == ("deadline", True)


# --- to whom ----------------------------------------------------------------------------------------------------------


def resolving(*addresses: str) -> tuple[list[str], Callable[[str, int], Sequence[str]]]:
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(f"{host}:{port}")
        return addresses

    return asked, resolve


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "100.64.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::a00:1"]
)
def test_a_name_that_leads_inside_is_not_followed(address: str) -> None:
    names, resolver = resolving("93.184.215.14", address)
    with pytest.raises(AskFailed, match="blocked_address"):
        Asker(test_hosts=frozenset(), resolver=resolver).ask(TestPhoneApi(), CREDENTIALS, SECRET_PATH)
    assert names == ["api.testphone.example:443"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "api.testphone.example.evil.example",
        "eu.testphone.example",
        "a.b.eu.testphone.example",
        "api.testphone.example:8443",
        "user@api.testphone.example",
        "evil.example/api.testphone.example",
        "evil.example#api.testphone.example",
        "127.0.0.1",
        "127.0.0.1:80",
        "api.testphone.example\\@evil.example",
    ],
)
def test_no_other_host_gets_the_credentials(host: str) -> None:
    names, resolver = resolving("10.0.0.1")
    with pytest.raises(AskFailed) as refused:
        Asker(test_hosts=frozenset(), resolver=resolver).ask(TestPhoneApi(), CREDENTIALS, SECRET_PATH, host=host)
    assert refused.value.code in {"blocked_host", "bad_url"}
    assert not refused.value.is_retryable
    assert names == []


def test_another_region_of_the_platform_is_asked_where_the_connection_names_it() -> None:
    names, resolver = resolving("10.0.0.1")
    with pytest.raises(AskFailed, match="blocked_address"):
        Asker(test_hosts=frozenset(), resolver=resolver).ask(
            TestPhoneApi(), CREDENTIALS, SECRET_PATH, host="De1.eu.testphone.example"
        )
    assert names == ["de1.eu.testphone.example:443"]


@pytest.mark.parametrize("own", ["", "api.testphone.example"])
def test_a_question_that_belongs_to_another_host_goes_there(own: str) -> None:
    question = Question("GET", "/v2/words", host="words.eu.testphone.example")
    names, resolver = resolving("10.0.0.1")
    with pytest.raises(AskFailed, match="blocked_address"):
        Asker(test_hosts=frozenset(), resolver=resolver).ask(TestPhoneApi(), CREDENTIALS, question, host=own)
    assert names == ["words.eu.testphone.example:443"]


def test_a_question_names_no_host_outside_the_platforms_list() -> None:
    names, resolver = resolving("93.184.215.14")
    question = Question("GET", "/v2/words", host="evil.example")
    with pytest.raises(AskFailed, match="blocked_host"):
        Asker(test_hosts=frozenset(), resolver=resolver).ask(TestPhoneApi(), CREDENTIALS, question)
    assert names == []


def test_a_test_host_takes_every_question(platform: FarEnd) -> None:
    platform.documents["/v1/words"] = {}
    assert ask(platform, Question("GET", "/words", host="words.eu.testphone.example")).status == 200


def test_a_test_host_is_this_machine_only() -> None:
    _, resolver = resolving("93.184.215.14")
    found = Asker(test_hosts=destinations.parse_test_hosts("far.example:8080"), resolver=resolver)
    with pytest.raises(AskFailed, match="blocked_address"):
        found.ask(TestPhoneApi(), CREDENTIALS, SECRET_PATH, host="far.example:8080")


@pytest.mark.parametrize(
    "path", ["calls", "//evil.example/", "/a/../b", "/a/%2E%2e/b", "/a?b", "/a#b", "/./a", "/a\\b"]
)
def test_a_path_stays_a_path(platform: FarEnd, path: str) -> None:
    assert refusal(platform, Question("GET", path)).code == "bad_question"
    assert platform.asked == []


def test_without_credentials_nothing_is_asked(platform: FarEnd) -> None:
    with pytest.raises(AskFailed, match="no_credentials"):
        asker(platform).ask(TestPhoneApi(), Credentials(), SECRET_PATH, host=platform.host)
    assert platform.asked == []


# --- what is never told -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault(401), Fault(500), Fault(), Fault(302, {"Location": "https://x.example/"})])
def test_neither_error_nor_log_tells_path_query_or_key(
    platform: FarEnd, fault: Fault, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    platform.faults.append(fault)
    error: BaseException | None = refusal(platform)
    told = []
    while error is not None:
        told.append(repr(error) + str(error))
        error = error.__cause__
    out = capsys.readouterr()
    text = "".join([*told, out.out, out.err, caplog.text, repr(SECRET_PATH), repr(CREDENTIALS)])
    assert not any(secret in text for secret in ("maria", KEY, "/calls", platform.host))


def test_no_proxy_and_no_cookie(platform: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    platform.faults.append(Fault(200, {"Set-Cookie": "session=1"}))
    one = asker(platform)
    for _ in range(2):
        one.ask(TestPhoneApi(), CREDENTIALS, Question("GET", "/calls/x"), host=platform.host)
    assert len(platform.asked) == 2
    assert not any("cookie" in headers for headers in platform.headers)
