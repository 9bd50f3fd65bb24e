"""Language packs: data files of word classes and frames, compiled once.

A pack is a TOML file: `[words]` names classes that patterns refer to as `{name}`, every other table holds patterns,
one alternative a line, in which a space stands for white space. Adding a language is adding a file.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from compliance.disclosure.rules.doors import Doors, Memo

RULES_VERSION = "1"
_FOLDER = Path(__file__).parent.parent / "packs"
_WORD = re.compile(r"\{([a-z_]+\d?)\}")
_NEVER = re.compile(r"(?!)")


def read_toml(name: str) -> dict[str, Any]:
    """One data file of the packs folder."""
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def _expand(line: str, words: dict[str, str]) -> str:
    for _ in range(3):  # classes may use classes, not deeper than this
        line = _WORD.sub(lambda match: words.get(match[1], match[0]), line)
    return line


def _spaced(line: str) -> str:
    return line.replace(" ?", r"\s*").replace(" ", r"\s+")


def _compile(block: str, words: dict[str, str]) -> re.Pattern[str]:
    lines = [_spaced(_expand(line, words)) for line in block.strip("\n").split("\n") if line.strip()]
    return re.compile("|".join(f"(?:{line})" for line in lines)) if lines else _NEVER


@dataclass(frozen=True)
class Pack:
    """The compiled rules of one language; `rule("clear.frames")` is the pattern of that table entry."""

    language: str
    rules: dict[str, re.Pattern[str]]
    remedy: dict[str, str]
    common: frozenset[str]
    everyday: frozenset[str]
    empty: frozenset[str]
    misspelt: tuple[str, ...]
    spelt: frozenset[str]

    def rule(self, name: str) -> re.Pattern[str]:
        """The pattern of a table entry; one that never matches where the pack is silent."""
        return self.rules.get(name, _NEVER)


def _build(raw: dict[str, Any]) -> Pack:
    words = {name: block.strip() for name, block in raw["words"].items()}
    rules = {
        f"{table}.{name}": _compile(block, words)
        for table, entries in raw.items()
        if isinstance(entries, dict) and table not in ("words", "remedy")
        for name, block in entries.items()
    }
    common = frozenset(raw["common"].split())
    everyday = common | frozenset(raw.get("everyday", "").split())
    empty = frozenset(raw.get("empty", "").split())
    return Pack(
        language=raw["language"],
        rules=rules,
        remedy=raw.get("remedy", {}),
        common=common,
        everyday=everyday,
        empty=empty,
        misspelt=tuple(raw.get("misspelt", "").split()),
        spelt=frozenset(raw.get("spelt", "").split()),
    )


@dataclass(frozen=True)
class ForeignHint:
    """Just enough of a language without a pack to see that a sentence is in it and speaks of recording."""

    language: str
    words: frozenset[str]
    record: re.Pattern[str]
    negation: re.Pattern[str]


@cache
def full_packs() -> dict[str, Pack]:
    """Every language that the judge can judge, by primary language subtag."""
    found: dict[str, Pack] = {}
    for path in _pack_files():
        raw = read_toml(path.name)
        if "language" in raw:
            found[raw["language"]] = _build(raw)
    return found


@cache
def union(name: str) -> re.Pattern[str]:
    """One rule of all packs together, for what does not depend on the language of a call."""
    patterns = [pack.rules[name].pattern for pack in full_packs().values() if name in pack.rules]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else _NEVER


@cache
def typing_errors() -> tuple[tuple[str, ...], frozenset[str]]:
    """Key stems that are recognised when misspelt, and real words that are no misspelling of them."""
    packs = full_packs().values()
    keys = tuple(key for pack in packs for key in pack.misspelt)
    return keys, frozenset(keys).union(*(pack.spelt for pack in packs))


@cache
def doors() -> Doors:
    """Which words open which rules, over all packs and hints."""
    found = Doors()
    for pack in full_packs().values():
        for name, pattern in pack.rules.items():
            found.add(name, pattern.pattern, pack.everyday)
    for hint in foreign_hints():
        found.add(f"foreign.{hint.language}", hint.record.pattern)
    return found


def new_memo() -> Memo:
    """An empty memo for one judgement."""
    return Memo(doors(), dict(_everyday_words()))


@cache
def _everyday_words() -> dict[str, int]:
    """What the words of the packs' own lists open; every memo starts with them."""
    words = frozenset().union(*(pack.everyday for pack in full_packs().values()))
    return {word: doors().of_word(word) for word in words}


@cache
def foreign_hints() -> tuple[ForeignHint, ...]:
    """Hints for the languages without a pack."""
    table = read_toml("foreign.toml")["languages"]
    return tuple(
        ForeignHint(
            name,
            frozenset(entry.get("words", "").split()),
            re.compile(entry["record"]),
            re.compile(rf"\b(?:{entry['negation']})\b" if entry.get("words") else entry["negation"]),
        )
        for name, entry in table.items()
        if name not in full_packs()
    )


def _pack_files() -> Iterator[Path]:
    yield from sorted(_FOLDER.glob("*.toml"))


def _content_hash() -> str:
    digest = hashlib.sha256()
    for path in _pack_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


RULEBOOK_VERSION = f"{RULES_VERSION}-{_content_hash()[:12]}"
