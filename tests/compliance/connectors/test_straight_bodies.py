"""A body of known length is read past the reader of heads: the same bytes come out, however they come in."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import httpcore
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.connectors import transport
from compliance.connectors.fetching import FetchLimits, SafeFetcher
from compliance.connectors.refusals import FetchError
from tests.compliance.connectors.conftest import Handler, MediaServer
from tests.compliance.connectors.test_fetching import fetch
from tests.compliance.connectors.test_transport import CALM, NAME, URL, Network, Wire, certificate

__all__ = ["certificate"]

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
AUDIO = b"ID3\x04" + bytes(6) + b"\n\n" * 6_000 + b"\r\n\r\n" * 3_000


class Pieces(Wire):
    """A connection that gives its answer out in prepared pieces, then ends."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__(b"")
        self._pieces = pieces

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > max_bytes:
            self._pieces.insert(0, piece[max_bytes:])
        return piece[:max_bytes]


def answered(answer: bytes, cuts: list[int]) -> bytes:
    """What the fetcher makes of an answer that comes cut at these places."""
    edges = [0, *sorted({cut % len(answer) for cut in cuts} - {0}), len(answer)]
    wire = Pieces([answer[start:stop] for start, stop in pairwise(edges)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore.SyncBackend, "connect_tcp", Network(wire).connect_tcp)
        fetcher = SafeFetcher(resolver=lambda host, port: ("93.184.215.14",))
        with fetcher.open(URL, allowed_hosts=[NAME], limits=CALM) as audio:
            return b"".join(audio)


def head(*fields: str, end: str = "\r\n") -> bytes:
    return end.join(["HTTP/1.1 200 OK", "Content-Type: audio/mpeg", *fields, "", ""]).encode()


def chunked(body: bytes, size: int = 1_000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


ANSWERS = {
    "length": head(f"Content-Length: {len(AUDIO)}") + AUDIO,
    "bare line ends": head(f"Content-Length: {len(AUDIO)}", end="\n") + AUDIO,
    "length told twice": head(f"Content-Length: {len(AUDIO)}, {len(AUDIO)}") + AUDIO,
    "hints before": HINTS + HINTS + head(f"Content-Length: {len(AUDIO)}") + AUDIO,
    "more than told": head(f"Content-Length: {len(AUDIO)}") + AUDIO + b"HTTP/1.1 200 OK\r\n\r\nno",
    "chunked": head("Transfer-Encoding: chunked") + chunked(AUDIO),
    "chunked, length ignored": head("Transfer-Encoding: chunked", "Content-Length: 3") + chunked(AUDIO),
    "until the end": head("Connection: close") + AUDIO,
}


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(ANSWERS)), cuts=st.lists(st.integers(0, 400) | st.integers(0, 40_000), max_size=9))
def test_the_same_bytes_come_out_however_they_come_in(name: str, cuts: list[int]) -> None:
    assert answered(ANSWERS[name], cuts) == AUDIO


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_byte_by_byte_at_the_end_of_the_head(name: str) -> None:
    answer = ANSWERS[name]
    end = answer.index(AUDIO[:4])
    assert answered(answer, list(range(max(0, end - 150), end + 4))) == AUDIO


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (head(f"Content-Length: {len(AUDIO) + 1}") + AUDIO, "truncated"),
        (head("Content-Length: 5", "Content-Length: 6") + AUDIO, "protocol_error"),
        (head("Content-Length: -5") + AUDIO, "protocol_error"),
        (head("Content-Length: 0"), "empty"),
        (head("Transfer-Encoding: chunked") + chunked(AUDIO)[:-5], "truncated"),
        (b"\r\n\r\n" + head(f"Content-Length: {len(AUDIO)}") + AUDIO, "protocol_error"),
        (b"", "protocol_error"),
    ],
)
def test_what_is_not_whole_is_refused_as_before(answer: bytes, code: str) -> None:
    with pytest.raises(FetchError) as refusal:
        answered(answer, [7] if answer else [])
    assert refusal.value.code == code


def test_a_known_length_goes_past_the_reader_of_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(answer: httpcore.Response) -> None:
        raise AssertionError("h11 was asked for the body")

    monkeypatch.setattr(httpcore.Response, "iter_stream", refused)
    assert answered(ANSWERS["length"], [100, 9_000]) == AUDIO
    with pytest.raises(AssertionError):
        answered(ANSWERS["chunked"], [])


def test_what_tls_gives_in_records_comes_out_in_large_pieces(
    serve: Callable[..., MediaServer], mp3: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_GATHERING_SECONDS", 30.0)
    sound, context = mp3 * 10, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    handler: Handler = lambda connection, _: connection.sendall(head(f"Content-Length: {len(sound)}") + sound)  # noqa: E731
    port = int((server := serve(handler, context)).authority.partition(":")[2])
    fetcher = SafeFetcher(
        test_hosts=frozenset({f"media.test:{port}"}),
        resolver=lambda name, number: ("127.0.0.1",),
        ssl_context=ssl.create_default_context(cafile=str(certificate)),
    )
    limits = FetchLimits(connect_seconds=30, read_seconds=30)
    with fetcher.open(f"https://media.test:{port}/a.mp3", allowed_hosts=[], limits=limits) as audio:
        pieces = list(audio)
    assert b"".join(pieces) == sound
    assert len(pieces) <= len(sound) // transport._GATHERED_BYTES + 2
    assert len(server.requests) == 1


def test_a_page_comes_through_the_same_door(serve: Callable[..., MediaServer], mp3: bytes) -> None:
    server = serve(lambda connection, _: connection.sendall(head(f"Content-Length: {len(mp3)}") + mp3))
    assert fetch(server) == mp3
