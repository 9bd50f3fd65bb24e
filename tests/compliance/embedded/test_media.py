"""The demo platform's media server: files of its folder, and nothing beside it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance.embedded.media import make_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "call-1.mp3").write_bytes(b"ID3" + bytes(5000))
    (tmp_path / "secret").write_text("not yours")
    (folder / "link").symlink_to(tmp_path / "secret")
    return folder


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    with make_server(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _ask(port: int, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_a_file_is_served_with_its_type_and_length(port: int) -> None:
    status, headers, body = _ask(port, "/call-1.mp3?signature=1")
    assert (status, headers["content-type"], headers["content-length"]) == (200, "audio/mpeg", "5003")
    assert body == b"ID3" + bytes(5000)


def test_head_answers_without_body(port: int) -> None:
    status, headers, body = _ask(port, "/call-1.mp3", "HEAD")
    assert (status, headers["content-length"], body) == (200, "5003", b"")


def test_a_deleted_file_is_gone_at_once(port: int, folder: Path) -> None:
    assert _ask(port, "/call-1.mp3")[0] == 200
    (folder / "call-1.mp3").unlink()
    assert _ask(port, "/call-1.mp3")[0] == 404


@pytest.mark.parametrize("path", ["/", "/absent.mp3", "/../secret", "/%2e%2e/secret", "/link", "//etc/passwd", "/%00"])
def test_nothing_else_is_served(port: int, path: str) -> None:
    assert _ask(port, path)[0] == 404


def test_nothing_can_be_written(port: int) -> None:
    assert _ask(port, "/call-1.mp3", "DELETE")[0] == 501
