"""An organisation's log as files: what `python -m audit.verify` reads, and any other C2SP tlog-tiles client too.

The export is made against the last checkpoint that the root log covers, if there is one, so that a reader can see
that others are shown the same log. Disclosures go along only when asked for: an export without them holds nothing
that identifies.
"""

import io
import tarfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from audit import entries, proofs
from audit.models import Leaf
from audit.tlog import canonical, tiles
from audit.tlog.text import JSON
from audit.tree import ROOT_LOG_ID

CHUNK = 500
"""How many entries' disclosures are opened at a time."""


class NothingToExport(Exception):
    """The log has no checkpoint yet."""


class Target(ABC):
    """Where the files go."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write one file."""

    @abstractmethod
    def close(self) -> None:
        """Everything is written."""


class Folder(Target):
    """A directory that does not exist yet, or is empty."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise FileExistsError(f"{root} is not empty")
        self._root = root

    def write(self, path: str, data: bytes) -> None:
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def close(self) -> None:
        """Nothing is left to do."""


class Tar(Target):
    """An uncompressed tar file that does not exist yet."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(  # noqa: SIM115 (closed by close)
            path, "x:", format=tarfile.USTAR_FORMAT
        )
        self._now = int(time.time())

    def write(self, path: str, data: bytes) -> None:
        member = tarfile.TarInfo(path)
        member.size, member.mode, member.mtime = len(data), 0o600, self._now
        self._tar.addfile(member, io.BytesIO(data))

    def close(self) -> None:
        """Write the end of the archive."""
        self._tar.close()


def export_log(organisation_id: UUID, target: Target, *, with_disclosures: bool) -> int:
    """Write a log's files, in its organisation's scope; how many entries. `NothingToExport` before the first
    checkpoint.
    """
    proven = proofs.root_proof(organisation_id)
    head = proven[0] if proven else proofs.latest_checkpoint(organisation_id)
    if head is None:
        raise NothingToExport("the log has no checkpoint yet")
    target.write("checkpoint", head.note.encode())
    _write_tiles(organisation_id, head.size, target, "")
    for tile in _bundles(head.size):
        target.write(tile.path, proofs.bundle_data(organisation_id, tile))
    if with_disclosures:
        lines = list(_lines(organisation_id, head.size))
        target.write("disclosures.jsonl", b"".join(lines))
    root = proofs.latest_checkpoint(ROOT_LOG_ID)
    if proven and root:
        target.write("root.proof", proven[1].encode())
        target.write("root/checkpoint", root.note.encode())
        _write_tiles(ROOT_LOG_ID, root.size, target, "root/")
    target.close()
    return head.size


def _write_tiles(log_id: UUID, size: int, target: Target, prefix: str) -> None:
    for tile in tiles.tiles_of(size):
        target.write(prefix + tile.path, proofs.tile_data(log_id, tile))


def _bundles(size: int) -> Iterator[tiles.Tile]:
    return (tiles.tile_at(0, index, size).entries for index in range(-(-size // tiles.WIDTH)))


def _lines(organisation_id: UUID, size: int) -> Iterator[bytes]:
    """The lines of disclosures.jsonl: what can be opened, and what was erased, in the order of the log."""
    for start in range(0, size, CHUNK):
        places = list(
            Leaf.objects.filter(organisation_id=organisation_id, index__gte=start, index__lt=min(start + CHUNK, size))
            .order_by("index")
            .values_list("entry_id", "index")
        )
        for view in entries.views(organisation_id, places):
            shown: list[JSON] = [field.disclosure for field in view.fields if field.disclosure]
            gone: list[JSON] = [
                {
                    "digest": field.digest,
                    "by": field.erased_at if field.erased_at is not None and field.erased_at < size else None,
                }
                for field in view.fields
                if field.state is entries.FieldState.ERASED
            ]
            if shown or gone:
                line: dict[str, JSON] = {
                    "entry": str(view.id),
                    "index": view.index,
                    "disclosures": shown,
                    "erased": gone,
                }
                yield canonical.encode(line) + b"\n"
