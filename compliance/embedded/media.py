"""The demo platform's media server: `python -m compliance.embedded.media FOLDER PORT`.

Serves the files of one folder on loopback, as a call platform serves its recordings. Each request looks at the folder
anew, so that a recording deleted upstream is 404 from then on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

_MEDIA_TYPES = {
    ".flac": "audio/flac",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".txt": "text/plain; charset=utf-8",
    ".wav": "audio/wav",
}


def make_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of `folder` on 127.0.0.1, not yet serving; port 0 lets the system choose."""

    class Handler(MediaHandler):
        root = folder.resolve()

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


class MediaHandler(BaseHTTPRequestHandler):
    """GET and HEAD of plain files directly under `root` or in its folders; everything else is 404."""

    root: Path
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """The file."""
        self._answer(self.connection.sendfile)

    def do_HEAD(self) -> None:
        """Its headers."""
        self._answer(lambda file: None)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """One line without the address that was asked for: a recording's name can identify."""
        sys.stderr.write(f"{self.log_date_time_string()} {self.command} {args[1] if len(args) > 1 else ''}\n")

    def _answer(self, send: Callable[[BinaryIO], object]) -> None:
        path = self._path()
        try:
            file = path.open("rb") if path else None
        except OSError:
            file = None
        if path is None or file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            size = file.seek(0, 2)
            file.seek(0)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", _MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"))
            self.send_header("Content-Length", str(size))
            self.end_headers()
            send(file)

    def _path(self) -> Path | None:
        try:
            path = (self.root / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        except (OSError, ValueError):
            return None
        return path if path.is_relative_to(self.root) and path.is_file() else None


def main(arguments: list[str]) -> int:
    """Serve until asked to stop."""
    if len(arguments) != 2 or not arguments[1].isdigit():
        print("usage: python -m compliance.embedded.media FOLDER PORT", file=sys.stderr)
        return 64
    with make_server(Path(arguments[0]), int(arguments[1])) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
