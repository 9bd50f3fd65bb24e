"""What the leaves of one organisation's log must add up to: one organisation, no doubled entry, no hole in a writer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from audit.tlog import canonical, leaf, text
from audit.tlog.errors import FormatError
from audit.verify.report import Outcome, Report
from audit.verify.sources import SourceError

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LINE = re.compile(
    rb'\{"disclosures":\[((?:"[A-Za-z0-9_-]+"(?:,(?!\])|(?=\])))*)\],"entry":"(' + _UUID + rb')","erased":\[\],'
    rb'"index":(0|[1-9][0-9]{0,15})\}'
)
_PER_DIGEST = len('"",') + 43
_DIGEST = re.compile("[A-Za-z0-9_-]{43}")


@dataclass(slots=True)
class Opened:
    """One line of `disclosures.jsonl`: what is known of the fields of one entry. `erased` is digest → erasing index."""

    entry: bytes
    index: int
    disclosures: list[bytes]
    erased: dict[bytes, int | None]


def parse_line(line: bytes) -> Opened:
    """The line; `FormatError` for another form. A canonical one without erased fields needs no JSON parser."""
    if match := _LINE.fullmatch(line):
        disclosures, entry, index = match.groups()
        return Opened(entry, int(index), disclosures[1:-1].split(b'","') if disclosures else [], {})
    members = text.load_json(line, limit=len(line))
    if not isinstance(members, dict) or members.keys() != {"entry", "index", "disclosures", "erased"}:
        raise FormatError("a line names entry, index, disclosures and erased")
    entry, index, disclosures, erased = (members[name] for name in ("entry", "index", "disclosures", "erased"))
    if not isinstance(entry, str) or not _is_index(index) or not isinstance(disclosures, list):
        raise FormatError("entry, index or disclosures are of another type")
    for disclosure in disclosures:
        if not isinstance(disclosure, str):
            raise FormatError("a disclosure is text")
    return Opened(entry.encode(), index, [disclosure.encode() for disclosure in disclosures], _parse_erased(erased))


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _parse_erased(erased: object) -> dict[bytes, int | None]:
    if not isinstance(erased, list):
        raise FormatError("erased is a list")
    found: dict[bytes, int | None] = {}
    for item in erased:
        if not isinstance(item, dict) or item.keys() != {"digest", "by"}:
            raise FormatError("an erased field has digest and by")
        digest, by = item["digest"], item["by"]
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or not (by is None or _is_index(by)):
            raise FormatError("an erased field has a digest and the index of the erasing entry, or null")
        found[digest.encode()] = by
    return found


class LeafCheck:
    """Takes the leaves in order, then `finish`. Holds the ids of all entries, about 100 MB a million."""

    def __init__(self, report: Report, size: int, lines: Iterator[bytes]) -> None:
        self.report = report
        self.size = size
        self.organisation: bytes | None = None
        self.newest = b""
        self.checked = 0
        self._ids: set[bytes] = set()
        self._lanes: dict[bytes, int] = {}
        self._early: dict[bytes, set[int]] = {}
        self._opening = _Opening(report, size, lines)

    def take(self, start: int, entries: list[bytes]) -> None:
        """Checks the leaves from index `start` on."""
        ids, lanes, opening = self._ids, self._lanes, self._opening
        for index, entry in enumerate(entries, start):
            try:
                fields = leaf.scan(entry)
            except FormatError as error:
                self.report.add(Outcome.INVALID, f"entry {index}: {error}")
                opening.skip(index + 1)
                continue
            if fields.organisation != self.organisation:
                self._change_organisation(index, fields.organisation)
            if fields.at > self.newest:
                self.newest = fields.at
            known = len(ids)
            ids.add(fields.id)
            if len(ids) == known:
                self.report.add(Outcome.INVALID, f"entry {index} has the id {fields.id.decode()} of an earlier one")
            number = int(fields.number)
            if lanes.get(fields.writer, 0) + 1 == number and fields.writer not in self._early:
                lanes[fields.writer] = number
            else:
                self._out_of_turn(index, fields.writer, number)
            opening.take(index, fields)
        self.checked += len(entries)

    def skip(self, end: int) -> None:
        """Goes on at index `end`; the leaves before it are not there."""
        self._opening.skip(end)

    def finish(self) -> None:
        """What shows only at the end: holes in lanes, and disclosures of entries that do not exist."""
        self._opening.finish()
        for writer, early in self._early.items():
            lost = f"{self._lanes[writer] + 1} to {min(early) - 1}"
            self.report.add(Outcome.INCOMPLETE, f"writer {writer.decode()} lacks numbers {lost}: lost or removed")
        facts = self.report.facts
        facts["entries_checked"] = self.checked
        facts["writers"] = len(self._lanes)
        if self.newest:
            facts["newest_entry_at"] = self.newest.decode() + "Z"
            self.report.vouch(datetime.fromisoformat(self.newest.decode()).replace(tzinfo=UTC).timestamp())

    def _change_organisation(self, index: int, organisation: bytes) -> None:
        if self.organisation is None:
            self.organisation = organisation
            self.report.facts["organisation"] = organisation.decode()
        else:
            self.report.add(Outcome.INVALID, f"entry {index} belongs to another organisation")

    def _out_of_turn(self, index: int, writer: bytes, number: int) -> None:
        """Keeps numbers that came before their turn until it is theirs."""
        last, early = self._lanes.get(writer, 0), self._early.setdefault(writer, set())
        if number <= last or number in early:
            self.report.add(Outcome.INVALID, f"entry {index} repeats number {number} of writer {writer.decode()}")
        else:
            early.add(number)
        while last + 1 in early:
            last += 1
            early.remove(last)
        self._lanes[writer] = last
        if not early:
            del self._early[writer]


class _Opening:
    """Reads `disclosures.jsonl` beside the leaves, both in order of index, and says of each field what became of it."""

    def __init__(self, report: Report, size: int, lines: Iterator[bytes]) -> None:
        self.report = report
        self.size = size
        self.fields = self.disclosed = self.erased = 0
        self._lines = lines
        self._last = -1
        self._next = self._read()
        self._given = self._next is not None

    def _read(self) -> Opened | None:
        try:
            line = next(self._lines, None)
            if line is None:
                return None
            opened = parse_line(line)
            if opened.index <= self._last:
                raise FormatError("the lines are not in ascending order of index")
        except FormatError as error:
            self.report.add(Outcome.INVALID, f"disclosures.jsonl after index {self._last}: {error}")
            return None
        except SourceError as error:
            self.report.add(Outcome.INCOMPLETE, str(error))
            return None
        self._last = opened.index
        return opened

    def take(self, index: int, fields: leaf.Scan) -> None:
        """The leaf at `index`."""
        if fields.sd:
            self.fields += (len(fields.sd) + 1) // _PER_DIGEST
        if self._next is not None and self._next.index == index:
            self._open(self._next, fields.id, fields.digests)
            self._next = self._read()

    def _open(self, opened: Opened, entry: bytes, digests: list[bytes]) -> None:
        if opened.entry != entry:
            self.report.add(Outcome.INVALID, f"disclosures.jsonl gives entry {opened.index} another id")
        known = {canonical.digest_of(disclosure) for disclosure in opened.disclosures}
        if not known.issubset(digests) or len(known) != len(opened.disclosures):
            self.report.add(Outcome.INVALID, f"a disclosure of entry {opened.index} is not the one that was logged")
        self.disclosed += len(known)
        if opened.erased:
            self._erase(opened, known, digests)

    def _erase(self, opened: Opened, known: set[bytes], digests: list[bytes]) -> None:
        gone = opened.erased.keys()
        if not gone <= set(digests) or gone & known:
            self.report.add(Outcome.INVALID, f"an erased field of entry {opened.index} is disclosed, or never was")
        for by in opened.erased.values():
            if by is not None and by >= self.size:
                self.report.add(Outcome.INVALID, f"entry {opened.index} names an erasing entry {by} outside the log")
        self.erased += len(gone)

    def skip(self, end: int) -> None:
        """Passes over the lines of entries before `end`."""
        while self._next is not None and self._next.index < end:
            self._next = self._read()

    def finish(self) -> None:
        """Counts, and a line that is left over."""
        if self._next is not None:
            self.report.add(Outcome.INVALID, f"disclosures.jsonl speaks of entry {self._next.index} outside the log")
        if not self._given:
            self.report.unchecked.append("what the fields of the entries say: no disclosures were given")
        facts = self.report.facts
        facts["fields"] = self.fields
        facts["fields_disclosed"] = self.disclosed
        facts["fields_erased"] = self.erased
        facts["fields_withheld"] = self.fields - self.disclosed - self.erased
