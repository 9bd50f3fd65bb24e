"""Where the files of a log are read from: a directory, a tar or zip file, or a web address. Read only, size capped."""

import http.client
import ipaddress
import os
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import IO

from audit.tlog.errors import FormatError

MAX_LINE = 1024 * 1024
MAX_FILE = 64 * 1024 * 1024
TOKEN_VARIABLE = "CALLWARDEN_TOKEN"  # noqa: S105
TIMEOUT_SECONDS = 30

# What the standard library raises for broken archives; RuntimeError is a member that needs a password.
_ARCHIVE_ERRORS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
_TRANSPORT_ERRORS = (OSError, http.client.HTTPException)


class SourceError(Exception):
    """The files could not be reached; that says nothing about what is in them."""


class Source(ABC):
    """The files of an export by their paths, as `tile/0/000`."""

    @abstractmethod
    def open(self, path: str) -> IO[bytes] | None:
        """The file, or None where there is none. `SourceError` where it cannot be reached."""

    def read(self, path: str, limit: int = MAX_FILE) -> bytes | None:
        """The whole file, or None where there is none; `FormatError` where it is longer than `limit` bytes."""
        file = self.open(path)
        if file is None:
            return None
        with file:
            data = _read(file, path, limit + 1)
        if len(data) > limit:
            raise FormatError(f"{path} has more than {limit} bytes")
        return data

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of a file without newlines; none where there is no file. `FormatError` for one without end."""
        file = self.open(path)
        if file is None:
            return
        rest = b""
        with file:
            while block := _read(file, path, MAX_LINE):
                *whole, rest = (rest + block).split(b"\n")
                if len(rest) > MAX_LINE:
                    raise FormatError(f"{path} has a line of more than {MAX_LINE} bytes")
                yield from whole
        if rest:
            yield rest


def _read(file: IO[bytes], path: str, size: int) -> bytes:
    try:
        return file.read(size)
    except _ARCHIVE_ERRORS as error:
        raise FormatError(f"{path} cannot be unpacked") from error
    except _TRANSPORT_ERRORS as error:
        raise SourceError(f"{path}: {error}") from error


class Directory(Source):
    """An unpacked export."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, path: str) -> IO[bytes] | None:
        file = self.root / path
        try:
            return file.open("rb") if file.is_file() else None
        except OSError as error:
            raise SourceError(str(error)) from error


class Archive(Source):
    """An export in one file. Its files may lie in one folder at the top."""

    def __init__(self, names: dict[str, str]) -> None:
        tops = [name.removesuffix("checkpoint") for name in names if name.endswith("/checkpoint")]
        tops = [top for top in tops if top.count("/") == 1 and top != "root/"]
        prefix = tops[0] if "checkpoint" not in names and len(tops) == 1 else ""
        self.names = {name.removeprefix(prefix): own for name, own in names.items() if name.startswith(prefix)}

    def open(self, path: str) -> IO[bytes] | None:
        try:
            return self.extract(self.names[path]) if path in self.names else None
        except (*_ARCHIVE_ERRORS, KeyError) as error:
            raise FormatError(f"{path} cannot be unpacked") from error
        except OSError as error:
            raise SourceError(str(error)) from error

    @abstractmethod
    def extract(self, name: str) -> IO[bytes] | None:
        """The member of that name in the archive."""


class Tar(Archive):
    """An uncompressed tar file (a compressed one cannot be read from the middle)."""

    def __init__(self, file: Path) -> None:
        try:
            self.tar = tarfile.open(file, "r:")  # noqa: SIM115 - lives as long as the source
            names = {name.removeprefix("./"): name for name in self.tar.getnames()}
        except _ARCHIVE_ERRORS as error:
            raise FormatError(f"{file} is not a tar file") from error
        super().__init__(names)

    def extract(self, name: str) -> IO[bytes] | None:
        member = self.tar.getmember(name)
        return self.tar.extractfile(member) if member.isreg() else None


class Zip(Archive):
    """A zip file."""

    def __init__(self, file: Path) -> None:
        try:
            self.zip = zipfile.ZipFile(file)
        except _ARCHIVE_ERRORS as error:
            raise FormatError(f"{file} is not a zip file") from error
        super().__init__({name: name for name in self.zip.namelist() if not name.endswith("/")})

    def extract(self, name: str) -> IO[bytes] | None:
        return self.zip.open(name)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect could carry the token to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        raise SourceError(f"{req.full_url} redirects to {newurl}; give that address if you trust it")


class Web(Source):
    """A log that is served: https, or http on this machine. `CALLWARDEN_TOKEN` in the environment is sent as bearer."""

    def __init__(self, prefix: str) -> None:
        parts = urllib.parse.urlsplit(prefix)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
            raise FormatError("an address is https, or http on this machine")
        self.prefix = prefix.rstrip("/")
        self.headers = {"User-Agent": "callwarden-verify"}
        if token := os.environ.get(TOKEN_VARIABLE):
            self.headers["Authorization"] = f"Bearer {token}"
        self.opener = urllib.request.build_opener(_NoRedirects)

    def open(self, path: str) -> IO[bytes] | None:
        address = f"{self.prefix}/{path}" if path else self.prefix
        request = urllib.request.Request(address, headers=self.headers)  # noqa: S310 - the scheme is checked above
        try:
            answer: IO[bytes] = self.opener.open(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (404, 410):
                    return None
                raise SourceError(f"{address} answers {error.code}") from error
        except (*_TRANSPORT_ERRORS, ValueError) as error:
            raise SourceError(f"{address}: {error}") from error
        return answer


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(target: str) -> bool:
    """Is the target a web address rather than a path?"""
    return target.startswith(("https://", "http://"))
