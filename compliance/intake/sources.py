"""Files that are imported, from a folder or a bucket: read in pieces, never copied, never changed, never deleted. Pure
of any framework.

What can go wrong: a name of the manifest leads out of the folder by a link that somebody made there, also between two
looks. So each part of a name is opened from the one before it, and a link is never followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PIECE: Final = 256 * 1024
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class SourceError(Exception):
    """A file that cannot be had: `missing`, `link`, `not_a_file`; or the whole source cannot: `unavailable`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Source(Protocol):
    """Where a manifest's files lie. `name` is how the operator wrote it, without credentials."""

    name: str

    def pieces(self, path: str) -> Generator[bytes, None, None]:
        """The file in pieces; closing the generator closes the file. Raises SourceError, also while iterating."""


class Folder:
    """Files under one folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = str(root)

    def pieces(self, path: str) -> Generator[bytes, None, None]:
        """See `Source.pieces`."""
        with _opened(self._root, path) as descriptor:
            while piece := _read(descriptor):
                yield piece


@contextmanager
def _opened(root: Path, path: str) -> Iterator[int]:
    *folders, name = path.split("/")
    at = _open(str(root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, None, "unavailable")
    try:
        for folder in folders:
            below = _open(folder, _FOLDER, at)
            os.close(at)
            at = below
        descriptor = _open(name, _FILE, at)
    finally:
        os.close(at)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SourceError("not_a_file")
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: str, flags: int, at: int | None, otherwise: str = "missing") -> int:
    if name in ("", ".", ".."):
        raise SourceError("link")
    try:
        return os.open(name, flags, dir_fd=at)
    except OSError as error:
        is_link = error.errno in (errno.ELOOP, errno.EMLINK) or (error.errno == errno.ENOTDIR and _is_link(name, at))
        raise SourceError("link" if is_link else otherwise) from None


def _is_link(name: str, at: int | None) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, PIECE)
    except OSError:
        raise SourceError("unavailable") from None


class Bucket:
    """Objects under a prefix of an S3 bucket: `s3://bucket/prefix?endpoint=…&region=…`.

    Credentials are those of the command's environment, or `key` where the bucket has its own. Raises ValueError.
    """

    def __init__(self, url: str, *, key: tuple[str, str] | None = None) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or set(options) - {"endpoint", "region"}:
            raise ValueError("s3://bucket/prefix?endpoint=…&region=… is needed")
        self.name = f"s3://{parts.netloc}{parts.path}"
        self._bucket = parts.netloc
        prefix = parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = _client(options, key)

    def pieces(self, path: str) -> Generator[bytes, None, None]:
        """See `Source.pieces`."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{path}")["Body"]
            with closing(body):
                yield from body.iter_chunks(PIECE)
        except ClientError as error:
            known = error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404", "NotFound")
            raise SourceError("missing" if known else "unavailable") from None
        except BotoCoreError:
            raise SourceError("unavailable") from None


def _client(options: dict[str, str], key: tuple[str, str] | None) -> S3Client:
    known: dict[str, Any] = {"aws_access_key_id": key[0], "aws_secret_access_key": key[1]} if key else {}
    return boto3.client(
        "s3",
        endpoint_url=options.get("endpoint"),
        region_name=options.get("region", "us-east-1"),
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path" if "endpoint" in options else "auto"},
        ),
        **known,
    )
