"""Where the socket really goes: to a checked number, with the name kept for TLS and Host."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from compliance.connectors import destinations, transport
from compliance.connectors.fetching import FetchLimits, SafeFetcher
from compliance.connectors.refusals import FetchError
from tests.compliance.connectors.conftest import Handler, MediaServer, answer
from tests.compliance.connectors.test_addresses import HOSTILE

NAME = "recordings.dialgen.example"
URL = f"https://{NAME}/call_9f31.mp3"
CALM = FetchLimits(connect_seconds=30, read_seconds=30, base_seconds=60, max_seconds=60)
"""A busy machine is no reason for a refusal: only a test about slowness is in a hurry."""


class Wire(httpcore.NetworkStream):
    """A connection that leads nowhere: it keeps what was sent and answers with one prepared message."""

    def __init__(self, reply: bytes) -> None:
        self.sent = b""
        self.server_name: str | None = None
        self._reply = reply

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        piece, self._reply = self._reply[:max_bytes], self._reply[max_bytes:]
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.sent += buffer

    def close(self) -> None:
        pass

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        assert ssl_context.check_hostname
        assert ssl_context.verify_mode is ssl.CERT_REQUIRED
        self.server_name = server_hostname
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class Network:
    """Stands in for the sockets: notes every address that would be connected to; some are dead."""

    def __init__(self, wire: Wire, dead: tuple[str, ...] = ()) -> None:
        self.connected: list[tuple[str, int]] = []
        self._wire = wire
        self._dead = dead

    def connect_tcp(self, host: str, port: int, **options: object) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        if host in self._dead:
            raise httpcore.ConnectError("dead")
        return self._wire


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, mp3: bytes) -> Callable[..., Network]:
    def install(dead: tuple[str, ...] = ()) -> Network:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: {len(mp3)}\r\n\r\n"
        fake = Network(Wire(head.encode() + mp3), dead)
        monkeypatch.setattr(
            httpcore.SyncBackend,
            "connect_tcp",
            fake.connect_tcp,
        )
        return fake

    return install


def open_with(answers: tuple[str, ...], asked: list[str] | None = None) -> bytes:
    def resolve(host: str, port: int) -> tuple[str, ...]:
        if asked is not None:
            asked.append(f"{host}:{port}")
        return answers

    with SafeFetcher(resolver=resolve).open(URL, allowed_hosts=[NAME], limits=CALM) as audio:
        return b"".join(audio)


def test_the_socket_goes_to_the_checked_number_and_the_name_stays(network: Callable[..., Network], mp3: bytes) -> None:
    fake, asked = network(), list[str]()
    assert open_with(("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"), asked) == mp3
    assert asked == [f"{NAME}:443"]
    assert fake.connected == [("93.184.215.14", 443)]
    assert fake._wire.server_name == NAME
    assert f"\r\nhost: {NAME}\r\n" in fake._wire.sent.decode().lower()


def test_a_dead_address_is_followed_by_the_next_checked_one(network: Callable[..., Network], mp3: bytes) -> None:
    fake = network(dead=("2606:2800:21f:cb07:6820:80da:af6b:8b2c",))
    assert open_with(("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.215.14")) == mp3
    assert [address for address, _ in fake.connected] == ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.215.14"]


def test_only_so_many_dead_addresses_are_tried(network: Callable[..., Network]) -> None:
    dead = tuple(f"93.184.215.{number}" for number in range(1, 9))
    fake = network(dead=dead)
    with pytest.raises(FetchError) as refusal:
        open_with(dead)
    assert (refusal.value.code, len(fake.connected)) == ("connect_failed", 3)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_answer_is_never_connected_to(network: Callable[..., Network], hostile: str) -> None:
    fake = network()
    with pytest.raises(FetchError) as refusal:
        open_with(("93.184.215.14", hostile))
    assert (refusal.value.code, refusal.value.where) == ("blocked_address", URL)
    assert fake.connected == []


def test_a_host_off_the_list_is_not_even_looked_up(network: Callable[..., Network]) -> None:
    fake, asked = network(), list[str]()

    def resolve(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return ("93.184.215.14",)

    fetcher = SafeFetcher(resolver=resolve)
    with pytest.raises(FetchError) as refusal, fetcher.open("https://evil.example/a", allowed_hosts=[NAME]):
        pass
    assert (refusal.value.code, asked, fake.connected) == ("blocked_host", [], [])


def test_a_name_that_changes_its_answer_is_asked_only_once(network: Callable[..., Network], mp3: bytes) -> None:
    fake = network()
    answers = iter([("93.184.215.14",), ("127.0.0.1",)])
    with SafeFetcher(resolver=lambda host, port: next(answers)).open(URL, allowed_hosts=[NAME]) as audio:
        assert b"".join(audio) == mp3
    assert fake.connected == [("93.184.215.14", 443)]


def test_a_test_host_that_leads_elsewhere_is_refused(network: Callable[..., Network]) -> None:
    fake = network()
    test_hosts = destinations.parse_test_hosts("media.test:9001")
    fetcher = SafeFetcher(test_hosts=test_hosts, resolver=lambda host, port: ("93.184.215.14",))
    with pytest.raises(FetchError) as refusal, fetcher.open("http://media.test:9001/a", allowed_hosts=[]):
        pass
    assert (refusal.value.code, fake.connected) == ("blocked_address", [])


@pytest.mark.parametrize("failure", [socket.gaierror(), UnicodeError("label too long"), None])
def test_a_name_without_answer_fails_for_now(failure: Exception | None) -> None:
    def resolve(host: str, port: int) -> tuple[str, ...]:
        if failure is not None:
            raise failure
        return ()

    with pytest.raises(FetchError) as refusal, SafeFetcher(resolver=resolve).open(URL, allowed_hosts=[NAME]):
        pass
    assert (refusal.value.code, refusal.value.is_retryable) == ("dns_failed", True)


def test_a_resolver_that_never_answers_does_not_hold_us() -> None:
    never, begun = threading.Event(), time.monotonic()

    def resolve(host: str, port: int) -> tuple[str, ...]:
        never.wait(60)
        return ()

    fetcher = SafeFetcher(resolver=resolve)
    hurried = FetchLimits(connect_seconds=0.2)
    with pytest.raises(FetchError) as refusal, fetcher.open(URL, allowed_hosts=[NAME], limits=hurried):
        pass
    never.set()
    assert refusal.value.code == "dns_failed"
    assert time.monotonic() - begun < 30


def test_the_system_resolver_gives_all_answers() -> None:
    assert transport.system_resolver("127.0.0.1", 443) == ("127.0.0.1",)
    assert all(ipaddress.ip_address(found).is_loopback for found in transport.system_resolver("localhost", 443))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for `media.test`, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media.test")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("media.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "media.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.mark.parametrize(
    ("host", "is_trusted", "expected"),
    [("media.test", True, None), ("other.test", True, "tls_failed"), ("media.test", False, "tls_failed")],
)
def test_the_certificate_must_be_for_the_name(
    serve: Callable[[Handler, ssl.SSLContext], MediaServer],
    mp3: bytes,
    certificate: Path,
    host: str,
    is_trusted: bool,
    expected: str | None,
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    server = serve(answer(mp3), server_side)
    port = server.authority.partition(":")[2]
    fetcher = SafeFetcher(
        test_hosts=destinations.parse_test_hosts(f"{host}:{port}"),
        resolver=lambda name, number: ("127.0.0.1",),
        ssl_context=ssl.create_default_context(cafile=str(certificate)) if is_trusted else None,
    )
    code = None
    try:
        with fetcher.open(f"https://{host}:{port}/a.mp3", allowed_hosts=[], limits=CALM) as audio:
            assert b"".join(audio) == mp3
    except FetchError as refusal:
        code = refusal.code
    assert code == expected
