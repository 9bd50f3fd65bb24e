"""Which URLs may be fetched, before any name is looked up."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.connectors import destinations
from compliance.connectors.destinations import AllowedHost
from compliance.connectors.refusals import FetchRefused

LINES = ("recordings.dialgen.example", "*.media.example.com", "files.example.net:8443")
ALLOWED = destinations.usable_lines(LINES)
TEST_HOSTS = destinations.parse_test_hosts("127.0.0.1:9001, localhost:9002, [::1]:9003")

GOOD = [
    "https://recordings.dialgen.example/call_9f31.mp3",
    "https://recordings.dialgen.example:443/call_9f31.mp3?token=abc",
    "https://RECORDINGS.dialgen.EXAMPLE/a",
    "https://eu.media.example.com/a",
    "https://files.example.net:8443/a",
]
HOSTILE = {
    "https://dialgen.example/a": "blocked_host",
    "https://x.recordings.dialgen.example/a": "blocked_host",
    "https://recordings.dialgen.example.evil.example/a": "blocked_host",
    "https://evilrecordings.dialgen.example/a": "blocked_host",
    "https://recordings.dialgen.example./a": "blocked_host",
    "https://recordings.dialgen.example:8443/a": "blocked_host",
    "https://media.example.com/a": "blocked_host",
    "https://a.b.media.example.com/a": "blocked_host",
    "https://.media.example.com/a": "blocked_host",
    "https://files.example.net/a": "blocked_host",
    "https://127.0.0.1/a": "blocked_host",
    "https://2130706433/a": "blocked_host",
    "https://0x7f000001/a": "blocked_host",
    "https://0177.0.0.1/a": "bad_url",
    "https://127.1/a": "blocked_host",
    "https://[::1]/a": "blocked_host",
    "https://[::ffff:169.254.169.254]/latest/meta-data": "blocked_host",
    "https://[fe80::1%25eth0]/": "blocked_host",
    "https://169.254.169.254/latest/meta-data": "blocked_host",
    "https://localhost/a": "blocked_host",
    "https://metadata.google.internal/a": "blocked_host",
    "http://recordings.dialgen.example/a": "bad_url",
    "ftp://recordings.dialgen.example/a": "bad_url",
    "file:///etc/passwd": "bad_url",
    "gopher://recordings.dialgen.example/": "bad_url",
    "data:audio/mpeg;base64,SUQz": "bad_url",
    "//recordings.dialgen.example/a": "bad_url",
    "/a.mp3": "bad_url",
    "recordings.dialgen.example/a": "bad_url",
    "": "bad_url",
    "https://": "bad_url",
    "https:///a": "bad_url",
    "https://user@recordings.dialgen.example/a": "bad_url",
    "https://user:pass@recordings.dialgen.example/a": "bad_url",
    "https://recordings.dialgen.example@127.0.0.1/a": "bad_url",
    "https://127.0.0.1\\@recordings.dialgen.example/a": "bad_url",
    "https://recordings.dialgen.example#@127.0.0.1/": "bad_url",
    "https://recordings.dialgen.example/a#fragment": "bad_url",
    "https://recordings.dialgen.example /a": "bad_url",
    " https://recordings.dialgen.example/a": "bad_url",
    "https://recordings.dialgen.example/a\r\nHost: evil.example": "bad_url",
    "https://recordings.dialgen.example\x00.evil.example/": "bad_url",
    "https://recordings.dialgen.example:0/a": "blocked_host",
    "https://recordings.dialgen.example:65536/a": "blocked_host",
    "https://recordings.dialgen.example:-1/a": "blocked_host",
    "https://recordings\u3002dialgen\u3002example/a": "bad_url",
    "https://\uff52ecordings.dialgen.example/a": "bad_url",
    "https://recordings%2edialgen%2eexample/a": "blocked_host",
    "https://recordings.dialgen.example/" + "a" * 4_096: "bad_url",
    "http://127.0.0.1:9004/a": "bad_url",
    "http://127.0.0.1/a": "bad_url",
    "http://localhost:9001/a": "bad_url",
    "http://127.0.0.2:9001/a": "bad_url",
    "http://user@127.0.0.1:9001/a": "bad_url",
}


@pytest.mark.parametrize("url", GOOD)
def test_listed_hosts_pass_over_https(url: str) -> None:
    destination = destinations.check(url, ALLOWED, TEST_HOSTS)
    assert destination.is_test_host is False
    assert destination.url.scheme == "https"


@pytest.mark.parametrize(("url", "code"), HOSTILE.items())
def test_everything_else_is_refused_for_good(url: str, code: str) -> None:
    with pytest.raises(FetchRefused) as refusal:
        destinations.check(url, ALLOWED, TEST_HOSTS)
    assert (refusal.value.code, refusal.value.is_retryable) == (code, False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9001/a", "http://localhost:9002/a", "http://[::1]:9003/a"])
def test_named_test_hosts_pass_over_http(url: str) -> None:
    assert destinations.check(url, (), TEST_HOSTS).is_test_host is True
    with pytest.raises(FetchRefused):
        destinations.check(url, ALLOWED)


def test_without_list_nothing_passes() -> None:
    with pytest.raises(FetchRefused):
        destinations.check(GOOD[0], ())


@pytest.mark.parametrize("line", LINES)
def test_lines_print_as_they_were_written(line: str) -> None:
    assert str(AllowedHost.parse(f" {line.upper()} ")) == line


@pytest.mark.parametrize(
    "line",
    [
        "",
        "*",
        "*.",
        "*.com",
        "*.*.example.com",
        "a.*.example.com",
        "https://example.com",
        "example.com/",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:x",
        "example.com:４４３",
        "user@example.com",
        "127.0.0.1",
        "[::1]",
        "0x7f.1",
        "-a.example",
        "exa_mple.com",
        "a..b",
    ],
)
def test_lines_that_are_no_host_are_refused_and_allow_nothing(line: str) -> None:
    with pytest.raises(ValueError, match=r"not a|a star"):
        AllowedHost.parse(line)
    assert destinations.usable_lines([line, "example.com"]) == (AllowedHost("example.com"),)


@pytest.mark.parametrize("text", ["localhost", "localhost:", ":80", "localhost:0", "localhost:x", "a:1,b"])
def test_test_hosts_need_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match="host and a port"):
        destinations.parse_test_hosts(text)


def test_no_test_hosts_is_the_default() -> None:
    assert destinations.parse_test_hosts(" ,") == frozenset()


def test_what_is_logged_holds_no_user_query_or_fragment() -> None:
    logged = destinations.without_secrets("https://user:pass@files.example.net:8443/a.mp3?token=abc#part")
    assert logged == "https://files.example.net:8443/a.mp3"
    assert destinations.without_secrets("https://x:port/") == "(unreadable)"
    assert destinations.without_secrets("data:audio/mpeg;base64,SUQz") == "(not http)"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(max_size=60),
    st.sampled_from(["", "https://", "https://recordings.dialgen.example", "http://127.0.0.1:9001"]),
)
def test_any_text_passes_or_is_refused(text: str, start: str) -> None:
    try:
        destination = destinations.check(start + text, ALLOWED, TEST_HOSTS)
    except FetchRefused as refusal:
        outcome = refusal.code
    else:
        outcome = destination.host
    assert outcome in {"bad_url", "blocked_host", "recordings.dialgen.example", "127.0.0.1"}
