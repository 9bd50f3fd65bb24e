"""The fetcher against servers of this machine that answer pages, too much, too little and too slowly."""

import hashlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import structlog

from compliance.connectors import destinations
from compliance.connectors.fetching import FetchLimits, SafeFetcher
from compliance.connectors.refusals import FetchError, FetchFailed
from compliance.connectors.sniffing import Container
from tests.compliance.connectors.conftest import Handler, MediaServer, answer

Serve = Callable[[Handler], MediaServer]
CALM = FetchLimits(
    connect_seconds=30, read_seconds=30, base_seconds=60, max_seconds=60, max_bytes=200_000, grace_seconds=0.1
)
"""A busy machine is no reason for a refusal: only a test about slowness is in a hurry."""
IMPATIENT = replace(CALM, read_seconds=0.2)
_never = threading.Event()


def fetch(server: MediaServer, path: str = "/call.mp3", **options: Any) -> bytes:
    fetcher = SafeFetcher(test_hosts=destinations.parse_test_hosts(server.authority))
    settings: dict[str, Any] = {"limits": CALM, "allowed_hosts": []} | options
    with fetcher.open(f"http://{server.authority}{path}", **settings) as audio:
        return b"".join(audio)


def refusal_of(server: MediaServer, **options: Any) -> FetchError:
    with pytest.raises(FetchError) as refusal:
        fetch(server, **options)
    return refusal.value


def drip(head: bytes, piece: bytes) -> Handler:
    """Sends `head`, then `piece` again and again, a little at a time, until the other side has had enough."""

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(head)
        while not _never.wait(0.02):
            connection.sendall(piece)

    return handle


def hang(head: bytes) -> Handler:
    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(head)
        _never.wait(60)

    return handle


def test_audio_is_given_out_in_chunks_with_its_hashes(serve: Serve, mp3: bytes) -> None:
    sound = mp3 * 9
    server = serve(answer(sound))
    fetcher = SafeFetcher(test_hosts=destinations.parse_test_hosts(server.authority))
    url = f"http://{server.authority}/call.mp3"
    limits = replace(CALM, max_bytes=len(sound))
    with fetcher.open(url, allowed_hosts=[], limits=limits, digest="sha256") as audio:
        assert (audio.container, audio.media_type) == (Container.MP3, "audio/mpeg")
        assert audio.announced_bytes == len(sound)
        with pytest.raises(FetchFailed, match="truncated"):
            audio.receipt  # noqa: B018
        chunks = list(audio)
        receipt = audio.receipt
    assert len(chunks) > 1
    assert b"".join(chunks) == sound
    assert audio.received() == (receipt.bytes_total, receipt.digest) == (len(sound), hashlib.sha256(sound).hexdigest())
    assert receipt.media_type == "audio/mpeg"


def test_the_request_is_plain_and_brings_nothing_of_ours(
    serve: Serve, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server = serve(answer(mp3, Set_Cookie="a=b"))
    assert fetch(server, "/a.mp3?token=x") == mp3
    (request,) = server.requests
    lines = request.lower().split("\r\n")
    assert lines[0] == "get /a.mp3?token=x http/1.1"
    assert f"host: {server.authority}" in lines
    assert "accept-encoding: identity" in lines
    assert not [line for line in lines if line.startswith(("cookie", "authorization", "referer"))]


@pytest.mark.parametrize(
    ("status", "code", "is_retryable"),
    [
        ("404 Not Found", "not_found", True),
        ("410 Gone", "gone", False),
        ("401 Unauthorized", "denied", True),
        ("403 Forbidden", "denied", True),
        ("429 Too Many Requests", "bad_status", True),
        ("500 Internal Server Error", "bad_status", True),
        ("503 Service Unavailable", "bad_status", True),
        ("204 No Content", "bad_status", True),
        ("206 Partial Content", "bad_status", True),
        ("304 Not Modified", "bad_status", True),
    ],
)
def test_any_status_but_200_is_no_recording(
    serve: Serve, mp3: bytes, status: str, code: str, is_retryable: bool
) -> None:
    body = b"" if status[:3] in ("204", "304") else mp3
    refusal = refusal_of(serve(answer(body, status)))
    assert (refusal.code, refusal.is_retryable, refusal.status) == (code, is_retryable, int(status[:3]))


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"<html>please sign in</html>", "text/html", "unavailable"),
        (b"<html>please sign in</html>", "audio/mpeg", "unavailable"),
        (b'{"error": "expired"}', "application/json", "unavailable"),
        (b"", "audio/mpeg", "empty"),
        (b"%PDF-1.7 " * 99, "audio/mpeg", "not_audio"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/mpeg", "type_mismatch"),
    ],
)
def test_what_is_not_audio_gives_out_no_byte(serve: Serve, body: bytes, content_type: str, code: str) -> None:
    assert refusal_of(serve(answer(body, Content_Type=content_type))).code == code


def test_a_compressed_answer_is_refused(serve: Serve, mp3: bytes) -> None:
    assert refusal_of(serve(answer(mp3, Content_Encoding="gzip"))).code == "encoded"


def test_an_announced_size_over_the_cap_is_refused_unread(serve: Serve, mp3: bytes) -> None:
    assert refusal_of(serve(answer(mp3, Content_Length="200001"))).code == "too_large"
    assert refusal_of(serve(answer(mp3, Content_Length="9" * 18))).code == "too_large"
    assert refusal_of(serve(answer(mp3, Content_Length="9" * 30))).code == "protocol_error"


def test_more_than_the_cap_ends_the_stream_before_it_is_passed(serve: Serve, mp3: bytes) -> None:
    server = serve(answer(mp3 + bytes(300_000), Content_Length="", Connection="close"))
    fetcher = SafeFetcher(test_hosts=destinations.parse_test_hosts(server.authority))
    given_out: list[bytes] = []
    with (
        pytest.raises(FetchError) as refusal,
        fetcher.open(f"http://{server.authority}/", allowed_hosts=[], limits=CALM) as audio,
    ):
        given_out.extend(audio)
    assert refusal.value.code == "too_large"
    assert 0 < len(b"".join(given_out)) <= CALM.max_bytes


def test_a_chunked_answer_without_end_is_cut_at_the_cap(serve: Serve, mp3: bytes) -> None:
    chunk = f"{len(mp3):x}\r\n".encode() + mp3 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert refusal_of(serve(drip(head, chunk))).code == "too_large"


def test_a_file_shorter_than_announced_is_no_file(serve: Serve, mp3: bytes) -> None:
    refusal = refusal_of(serve(answer(mp3[:-1], Content_Length=str(len(mp3)))))
    assert (refusal.code, refusal.is_retryable) == ("truncated", True)


def test_a_chunked_answer_that_breaks_off_is_no_file(serve: Serve, mp3: bytes) -> None:
    body = f"{len(mp3):x}\r\n".encode() + mp3 + b"\r\n"
    server = serve(answer(body, Content_Length="", Transfer_Encoding="chunked"))
    assert refusal_of(server).code == "truncated"


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], ids=["mute", "head", "body"]
)
def test_a_server_that_falls_silent_is_too_slow(serve: Serve, head: bytes) -> None:
    begun = time.monotonic()
    assert refusal_of(serve(hang(head)), limits=IMPATIENT).code == "too_slow"
    assert time.monotonic() - begun < 30


def test_a_body_below_the_minimum_rate_is_too_slow(serve: Serve, mp3: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 100000\r\n\r\n"
    assert refusal_of(serve(drip(head, b"\xff"))).code == "too_slow"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\n\r\nOggS", bytes(600)),
    ],
    ids=["header", "continue", "body"],
)
def test_the_whole_deadline_holds_whatever_still_trickles(serve: Serve, head: bytes, piece: bytes) -> None:
    begun = time.monotonic()
    limits = FetchLimits(base_seconds=0.3, max_seconds=0.4, read_seconds=30, min_bytes_per_second=1_000)
    refusal = refusal_of(serve(drip(head, piece)), limits=limits)
    assert (refusal.code, refusal.is_retryable) == ("deadline", True)
    assert time.monotonic() - begun < 30


def test_a_small_file_may_not_take_the_time_of_a_large_one(serve: Serve, mp3: bytes) -> None:
    limits = FetchLimits(base_seconds=0.2, max_seconds=60, read_seconds=30, min_bytes_per_second=10**9)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 100000\r\n\r\n" + mp3[:9_000]
    assert refusal_of(serve(drip(head, bytes(10))), limits=limits).code == "deadline"


@pytest.mark.parametrize("garbage", [b"\x00" * 99, b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n"])
def test_what_is_not_http_is_a_protocol_error(serve: Serve, garbage: bytes) -> None:
    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(garbage)

    assert refusal_of(serve(handle)).code == "protocol_error"


def test_nobody_there_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        authority = f"127.0.0.1:{listener.getsockname()[1]}"
    fetcher = SafeFetcher(test_hosts=destinations.parse_test_hosts(authority))
    with pytest.raises(FetchError) as refusal, fetcher.open(f"http://{authority}/", allowed_hosts=[], limits=CALM):
        pass
    assert refusal.value.code == "connect_failed"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_unseen(serve: Serve, status: int) -> None:
    target = serve(answer(b""))
    server = serve(answer(b"", f"{status} Moved", Location=f"http://{target.authority}/"))
    refusal = refusal_of(server)
    assert (refusal.code, refusal.is_retryable) == ("redirect_refused", False)
    assert target.requests == []


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.1:1/latest/meta-data", "bad_url"),
        ("https://127.0.0.1/", "blocked_host"),
        ("https://169.254.169.254/latest/meta-data", "blocked_host"),
        ("https://10.0.0.1/", "blocked_host"),
        ("https://[::1]/", "blocked_host"),
        ("//evil.example/a", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("https://user@recordings.dialgen.example/", "bad_url"),
        ("https://inside.dialgen.example/", "blocked_address"),
    ],
)
def test_an_allowed_redirect_is_checked_like_the_first_address(serve: Serve, location: str, code: str) -> None:
    server = serve(answer(b"", "302 Found", Location=location))
    fetcher = SafeFetcher(
        test_hosts=destinations.parse_test_hosts(server.authority),
        resolver=lambda host, port: ("10.0.0.1",) if host.startswith("inside") else ("127.0.0.1",),
    )
    with pytest.raises(FetchError) as refusal:
        with fetcher.open(
            f"http://{server.authority}/", allowed_hosts=["*.dialgen.example"], max_redirects=3, limits=CALM
        ):
            pass
    assert refusal.value.code == code


def test_redirects_end(serve: Serve) -> None:
    server = serve(answer(b"", "302 Found", Location="/again"))
    assert refusal_of(server, max_redirects=3).code == "redirect_refused"
    assert len(server.requests) == 4


def test_credentials_stay_with_the_first_origin(serve: Serve, mp3: bytes) -> None:
    home: MediaServer

    def bounce(connection: socket.socket, request: str) -> None:
        path = request.split(" ")[1]
        if path == "/back":
            answer(mp3)(connection, request)
        else:
            answer(b"", "302 Found", Location=f"http://{other.authority}/")(connection, request)

    def send_home(connection: socket.socket, request: str) -> None:
        answer(b"", "302 Found", Location=f"http://{home.authority}/back")(connection, request)

    home, other = serve(bounce), serve(send_home)
    fetcher = SafeFetcher(test_hosts=destinations.parse_test_hosts(f"{home.authority},{other.authority}"))
    url = f"http://{home.authority}/"
    credentials = {"Authorization": "Basic c2VjcmV0"}
    with fetcher.open(url, allowed_hosts=[], max_redirects=2, credentials=credentials, limits=CALM) as audio:
        assert b"".join(audio) == mp3
    assert ["Authorization" in request for request in (*home.requests, *other.requests)] == [True, False, False]


def test_no_log_line_holds_the_query(serve: Serve, mp3: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as lines:
        fetch(serve(answer(mp3)), "/good.mp3?token=hush")
        server = serve(answer(b"", "404 Not Found"))
        with pytest.raises(FetchError) as refusal:
            fetch(server, "/bad.mp3?token=hush")
    assert "hush" not in caplog.text + repr(lines) + str(refusal.value) + repr(refusal.value)
    (line,) = lines
    assert (line["code"], line["status"]) == ("not_found", 404)
    assert line["url"] == f"http://{server.authority}/bad.mp3"
