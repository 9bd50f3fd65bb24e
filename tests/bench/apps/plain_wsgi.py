"""The product's application over plain bytes: link, counter and log entry stay, only the vault's reader is another."""

from __future__ import annotations

import os
from collections.abc import Iterator

from compliance.config.wsgi import application
from compliance.vault import store

_PIECE = 256 * 1024


def _open_plain(sealed: store.SealedObject, start: int, stop: int) -> Iterator[bytes]:
    """One range of the file that BENCH_PLAIN_FILE names, in pieces as the vault gives them."""
    descriptor = os.open(os.environ["BENCH_PLAIN_FILE"], os.O_RDONLY)
    try:
        while start < stop:
            piece = os.pread(descriptor, min(_PIECE, stop - start), start)
            start += len(piece)
            yield piece
    finally:
        os.close(descriptor)


store.open_range = _open_plain

__all__ = ["application"]
