"""C2SP tlog-proof: one text file that proves, offline, that an entry is in a log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from audit.tlog import canonical, checkpoint, leaf, merkle, text
from audit.tlog.errors import FormatError, ProofError

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF = 4 * 1024 * 1024
MAX_PATH = 63


def pack_entry(entry: bytes, disclosures: Sequence[str] = ()) -> bytes:
    """The `extra` that makes a proof of ours one self-contained file: the leaf's bytes and what opens its fields."""
    return canonical.encode({"disclosures": list(disclosures), "leaf": entry.decode()})


def unpack_entry(extra: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The leaf and the disclosures of an `extra`, none of them believed; `FormatError` for another form."""
    members = text.load_json(extra, limit=MAX_PROOF)
    if not isinstance(members, dict) or members.keys() != {"leaf", "disclosures"}:
        raise FormatError("the extra of the proof holds no entry")
    entry, disclosures = members["leaf"], members["disclosures"]
    if not isinstance(entry, str) or not isinstance(disclosures, list):
        raise FormatError("the extra of the proof holds no entry")
    leaf.scan(entry.encode())
    for disclosure in disclosures:
        if not isinstance(disclosure, str):
            raise FormatError("a disclosure is text")
        canonical.parse_disclosure(disclosure)
    return entry.encode(), tuple(disclosures)


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof with the signed checkpoint it leads to. `extra` is not authenticated: a hint, never a fact."""

    index: int
    path: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    @classmethod
    def make(cls, index: int, path: Sequence[bytes], note: str, extra: bytes | None = None) -> Self:
        """A proof from its parts; `note` is the signed checkpoint as it was published."""
        return cls(index, tuple(path), note, extra)

    def text(self) -> str:
        """The file's text."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {text.to_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [text.to_base64(node) for node in self.path]
        return "\n".join(lines) + "\n\n" + self.note

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """The proof of a file; `FormatError` for another form. Nothing is believed yet."""
        if len(data) > MAX_PROOF:
            raise FormatError(f"a proof of more than {MAX_PROOF} bytes")
        try:
            whole = data if isinstance(data, str) else data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError("a proof that is not UTF-8") from error
        head, blank, note = whole.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines.pop(0) != HEADER:
            raise FormatError("not a tlog-proof")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = text.from_base64(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index ") or len(lines) - 1 > MAX_PATH:
            raise FormatError("a proof without an index, or too long")
        index = text.from_decimal(lines.pop(0).removeprefix("index "))
        checkpoint.Checkpoint.parse(checkpoint.parse_note(note).text)
        return cls(index, tuple(text.from_base64(line, length=merkle.HASH_SIZE) for line in lines), note, extra)

    def verify(self, entry: bytes, keys: Iterable[checkpoint.VerifierKey]) -> checkpoint.SignedCheckpoint:
        """The checkpoint under which `entry` stands at `index`; `ProofError` where signature or path does not hold."""
        signed = checkpoint.open_checkpoint(self.note, keys)
        self.check_path(entry, signed.checkpoint)
        return signed

    def check_path(self, entry: bytes, head: checkpoint.Checkpoint) -> None:
        """`ProofError` unless the path leads from `entry` at `index` to the root of `head`."""
        root = merkle.root_of_path(self.index, head.size, merkle.leaf_hash(entry), self.path)
        if root != head.root:
            raise ProofError(f"the entry at index {self.index} does not lead to the root of the checkpoint")
