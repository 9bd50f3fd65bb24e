"""The whole log checked from its files: an honest one verifies, and every way of cheating is found and named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from audit.tlog import canonical, checkpoint, merkle, tiles
from audit.verify.check import Trust, verify
from audit.verify.report import Outcome, Report
from tests.audit.tlog import vectors
from tests.audit.verify.exports import SIZE, Export, example, with_disclosures, with_root_log

TRUST = Trust(keys=(vectors.SIGNER.key,))
ROOT_TRUST = Trust(keys=(vectors.SIGNER.key,), root_keys=(vectors.ROOT_SIGNER.key, vectors.COSIGNER.key))


def check(export: Export, directory: Path, trust: Trust = TRUST) -> Report:
    return verify(str(export.write(directory)), trust)


def texts(report: Report) -> str:
    return "\n".join(problem.text for problem in report.problems)


def test_an_honest_log_verifies_and_says_what_was_not_checked(tmp_path: Path) -> None:
    report = check(example(), tmp_path)

    assert (report.outcome, report.problems) == (Outcome.OK, [])
    assert report.facts["entries_checked"] == SIZE
    assert report.facts["writers"] == 2
    assert report.facts["organisation"] == str(vectors.ORGANISATION)
    said = "\n".join(report.unchecked)
    for hint in ("--old", "root.proof", "--max-age", "is true", "disclosures"):
        assert hint in said


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257])
def test_logs_of_every_edge(tmp_path: Path, size: int) -> None:
    assert check(example(size), tmp_path).outcome == Outcome.OK


def test_fields_are_disclosed_withheld_or_erased(tmp_path: Path) -> None:
    report = check(with_disclosures(example()), tmp_path)

    assert report.outcome == Outcome.OK
    assert report.facts["fields"] == SIZE * 4
    assert report.facts["fields_disclosed"] == 300 * 4 - 3
    assert report.facts["fields_erased"] == 2
    assert report.facts["fields_withheld"] == 400 * 4 + 1


def swap(line: dict[str, Any]) -> None:
    line["disclosures"] = [canonical.disclose("actor", "person:other"), *line["disclosures"][1:]]


def erase_what_is_shown(line: dict[str, Any]) -> None:
    line["erased"] = [{"digest": canonical.digest(line["disclosures"][0]), "by": 1}]


LINES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another value": (swap, "not the one that was logged"),
    "another entry": (lambda line: line.update(entry=str(vectors.ORGANISATION)), "another id"),
    "doubled": (lambda line: line["disclosures"].append(line["disclosures"][0]), "not the one that was logged"),
    "never there": (lambda line: line.update(erased=[{"digest": "A" * 43, "by": 1}]), "never was"),
    "shown and erased": (erase_what_is_shown, "is disclosed"),
    "erased outside": (lambda line: line.update(erased=[{"digest": "A" * 43, "by": SIZE}]), "outside the log"),
    "out of order": (lambda line: line.update(index=2), "ascending"),
    "beyond the end": (lambda line: line.update(index=SIZE), "ascending|outside the log"),
    "another member": (lambda line: line.update(more=1), "a line names"),
    "not text": (lambda line: line.update(disclosures=[1]), "is text"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_wrong_disclosure_is_found(tmp_path: Path, name: str) -> None:
    change, text = LINES[name]
    export = with_disclosures(example())
    change(export.lines[5])
    report = check(export, tmp_path)

    assert report.outcome == Outcome.INVALID
    assert any(part in texts(report) for part in text.split("|"))


def flip(export: Export, path: str, place: int = 40) -> None:
    data = bytearray(export.files[path])
    data[place] ^= 1
    export.files[path] = bytes(data)


def edit_entry(export: Export) -> None:
    entries = export.entries[:256]
    entries[5] = export.leaves[5]._replace(out="denied").encode()
    export.files["tile/entries/000"] = tiles.encode_bundle(entries)


def renumber(export: Export, index: int, **changes: Any) -> None:
    export.leaves[index] = export.leaves[index]._replace(**changes)
    export.build()


def lose(export: Export, index: int) -> None:
    del export.leaves[index]
    export.build()


def sign_as_other(export: Export) -> None:
    other = checkpoint.Signer(vectors.ORIGIN, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x0c" * 32))
    text = checkpoint.parse_note(export.files["checkpoint"]).text
    export.files["checkpoint"] = other.sign_note(text).encode()


def sign_other_root(export: Export) -> None:
    head = checkpoint.Checkpoint(vectors.ORIGIN, SIZE, merkle.EMPTY_ROOT)
    export.files["checkpoint"] = vectors.SIGNER.sign_note(head.text()).encode()


OTHER_ORGANISATION = vectors.ORGANISATION.__class__(int=7)

ATTACKS: dict[str, tuple[Callable[[Export], object], Outcome, str]] = {
    "a byte in an entry": (lambda e: flip(e, "tile/entries/000"), Outcome.INVALID, "tile/0/000 is not the hashes"),
    "an entry rewritten": (edit_entry, Outcome.INVALID, "tile/0/000 is not the hashes"),
    "a byte in a tile": (lambda e: flip(e, "tile/0/001"), Outcome.INVALID, "tile/0/001 is not"),
    "a byte in the edge": (lambda e: flip(e, "tile/0/002.p/188"), Outcome.INVALID, "tile/0/002.p/188 is not"),
    "a byte one level up": (lambda e: flip(e, "tile/1/000.p/2"), Outcome.INVALID, "tile/1/000.p/2 is not"),
    "a bundle cut off": (
        lambda e: e.files.update({"tile/entries/001": e.files["tile/entries/001"][:-1]}),
        Outcome.INVALID,
        "not an entry bundle",
    ),
    "a bundle gone": (lambda e: e.files.pop("tile/entries/001"), Outcome.INCOMPLETE, "256 entries not checked"),
    "a tile gone": (lambda e: e.files.pop("tile/0/001"), Outcome.INCOMPLETE, "tile/0/001 is missing"),
    "an upper tile gone": (lambda e: e.files.pop("tile/1/000.p/2"), Outcome.INCOMPLETE, "tile/1/000.p/2 is missing"),
    "both gone": (
        lambda e: (e.files.pop("tile/0/001"), e.files.pop("tile/entries/001")),
        Outcome.INCOMPLETE,
        "entries from 256 on are missing",
    ),
    "no checkpoint": (lambda e: e.files.pop("checkpoint"), Outcome.INCOMPLETE, "no checkpoint"),
    "a checkpoint of another key": (sign_as_other, Outcome.INVALID, "not to be believed"),
    "a checkpoint changed": (lambda e: flip(e, "checkpoint", 70), Outcome.INVALID, "not to be believed"),
    "another root signed": (sign_other_root, Outcome.INVALID, "do not have the root that was signed"),
    "an entry removed before sequencing": (lambda e: lose(e, 300), Outcome.INCOMPLETE, "lacks numbers 151 to 151"),
    "a first entry removed": (lambda e: lose(e, 0), Outcome.INCOMPLETE, "lacks numbers 1 to 1"),
    "a number used twice": (lambda e: renumber(e, 301, number=150), Outcome.INVALID, "repeats number 150"),
    "an id used twice": (lambda e: renumber(e, 301, id=e.leaves[300].id), Outcome.INVALID, "has the id"),
    "another organisation": (
        lambda e: renumber(e, 301, organisation_id=OTHER_ORGANISATION),
        Outcome.INVALID,
        "entry 301 belongs to another organisation",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_every_way_of_cheating_is_found(tmp_path: Path, name: str) -> None:
    attack, outcome, text = ATTACKS[name]
    export = example()
    attack(export)
    report = check(export, tmp_path)

    assert report.outcome == outcome
    assert text in texts(report)


def test_a_log_of_another_organisation_than_its_origin_says(tmp_path: Path) -> None:
    export = example(3)
    export.leaves = [entry._replace(organisation_id=OTHER_ORGANISATION) for entry in export.leaves]

    assert "belong to organisation" in texts(check(export.build(), tmp_path))


def test_entries_may_arrive_out_of_a_writers_order(tmp_path: Path) -> None:
    export = example()
    for first, second in ((10, 12), (100, 104), (105, 699)):
        export.leaves[first], export.leaves[second] = export.leaves[second], export.leaves[first]

    assert check(export.build(), tmp_path).outcome == Outcome.OK


def test_a_number_that_came_early_cannot_come_again(tmp_path: Path) -> None:
    export = example(12)
    for index, number in ((0, 1), (2, 3), (4, 2), (6, 3)):
        export.leaves[index] = export.leaves[index]._replace(number=number)

    assert "entry 6 repeats number 3" in texts(check(export.build(), tmp_path))


def kept(size: int) -> str:
    return example(size).files["checkpoint"].decode()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 699, 700])
def test_a_log_continues_each_of_its_checkpoints(tmp_path: Path, size: int) -> None:
    report = check(example(), tmp_path, Trust(keys=TRUST.keys, kept=kept(size)))

    assert report.outcome == Outcome.OK
    assert report.facts["continues_checkpoint_of_size"] == size


@pytest.mark.parametrize("size", [3, 256, 300, 700])
def test_a_fork_is_found_by_an_older_checkpoint(tmp_path: Path, size: int) -> None:
    export = example()
    renumber(export, 1, out="denied")

    assert check(export, tmp_path / "before", TRUST).outcome == Outcome.OK
    report = check(export, tmp_path, Trust(keys=TRUST.keys, kept=kept(size)))
    assert report.outcome == Outcome.FORKED


def test_a_log_rolled_back_is_incomplete(tmp_path: Path) -> None:
    report = check(example(600), tmp_path, Trust(keys=TRUST.keys, kept=kept(700)))

    assert report.outcome == Outcome.INCOMPLETE
    assert "covers 700 entries, this log 600" in texts(report)


def test_an_older_checkpoint_must_be_signed_and_of_this_log(tmp_path: Path) -> None:
    forged = kept(600).replace("\n600\n", "\n601\n")
    assert check(example(), tmp_path, Trust(keys=TRUST.keys, kept=forged)).outcome == Outcome.INVALID
    other = vectors.ROOT_SIGNER.sign_note(checkpoint.Checkpoint(vectors.ROOT_ORIGIN, 1, merkle.EMPTY_ROOT).text())
    keys = (vectors.SIGNER.key, vectors.ROOT_SIGNER.key)
    assert "of another log" in texts(check(example(), tmp_path, Trust(keys=keys, kept=other)))


def test_the_root_log_shows_that_others_see_the_same(tmp_path: Path) -> None:
    report = check(with_root_log(example()), tmp_path, ROOT_TRUST)

    assert report.outcome == Outcome.OK
    assert (report.facts["root_log_index"], report.facts["root_log_size"]) == (1, 3)
    assert not any("others are shown" in text for text in report.unchecked)
    assert report.evidence_time == vectors.ISSUED.timestamp()


def test_a_checkpoint_that_is_not_in_the_root_log_is_found(tmp_path: Path) -> None:
    export = with_root_log(example(600))
    export.files["checkpoint"] = example().files["checkpoint"]
    export.files = example().files | {path: data for path, data in export.files.items() if path.startswith("root")}

    assert "root.proof" in texts(check(export, tmp_path, ROOT_TRUST))


def test_two_root_logs_are_a_fork(tmp_path: Path) -> None:
    export = with_root_log(example())
    head = checkpoint.Checkpoint(vectors.ROOT_ORIGIN, 3, merkle.EMPTY_ROOT)
    export.files["root/checkpoint"] = vectors.ROOT_SIGNER.sign_note(head.text()).encode()

    assert check(export, tmp_path, ROOT_TRUST).outcome == Outcome.FORKED


def root_log_of(heads: list[checkpoint.Checkpoint]) -> Export:
    entries = [vectors.SIGNER.sign_note(head.text()).encode() for head in heads]
    builder = tiles.TileBuilder()
    made = builder.extend(merkle.leaf_hashes(entries)) + builder.partials()
    head = checkpoint.Checkpoint(vectors.ROOT_ORIGIN, len(entries), builder.root())
    files = {tile.path: data for tile, data in made}
    files[tiles.tile_at(0, 0, len(entries)).entries.path] = tiles.encode_bundle(entries)
    return Export([], files | {"checkpoint": vectors.ROOT_SIGNER.sign_note(head.text()).encode()})


def test_the_root_log_itself_can_be_checked(tmp_path: Path) -> None:
    heads = [checkpoint.Checkpoint(vectors.ORIGIN, size, bytes([size]) * 32) for size in (3, 5, 5, 9)]
    trust = Trust(keys=(vectors.ROOT_SIGNER.key,))

    report = check(root_log_of(heads), tmp_path / "honest", trust)
    assert (report.outcome, report.facts["logs"]) == (Outcome.OK, 1)
    shrunk = check(root_log_of([*heads, heads[0]]), tmp_path / "shrunk", trust)
    assert shrunk.outcome == Outcome.FORKED
    assert texts(shrunk) == f"entry 4: {vectors.ORIGIN} took back what it had said before"


def test_freshness_counts_from_the_newest_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = with_root_log(example())
    monkeypatch.setattr("time.time", lambda: vectors.ISSUED.timestamp() + 60)
    for age, outcome in ((61, Outcome.OK), (59, Outcome.NOT_FRESH)):
        trust = Trust(keys=ROOT_TRUST.keys, root_keys=ROOT_TRUST.root_keys, max_age=age)
        assert check(export, tmp_path, trust).outcome == outcome


def test_without_a_time_nothing_is_fresh(tmp_path: Path) -> None:
    assert check(example(0), tmp_path, Trust(keys=TRUST.keys, max_age=10**10)).outcome == Outcome.NOT_FRESH


def test_of_very_many_problems_the_first_are_told(tmp_path: Path) -> None:
    export = example()
    export.leaves = [entry._replace(number=1) for entry in export.leaves]
    report = check(export.build(), tmp_path)

    assert (len(report.problems), report.further_problems) == (100, SIZE - 2 - 100)
    assert "and 598 more" in report.to_text()
