"""Language packs: data files of word classes and frames; read, and their patterns compiled, when first needed.

A pack is a TOML file: `[words]` names classes that patterns refer to as `{name}`, every other table holds patterns,
one alternative a line, in which a space stands for white space. Adding a language is adding a file
(docs/disclosure.md).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from compliance.disclosure.rules import doors, letters, slowness, tables
from compliance.disclosure.rules.doors import Doors, Memo, marked

RULES_VERSION = "3"
ENGLISH = "en"
"""Instructions to a model are in English more often than not: this pack takes part in every reading."""

_FOLDER = Path(__file__).parent.parent / "packs"
_WORD = re.compile(r"\{([a-z_]+\d?)\}")
_LOOKBEHIND = re.compile(r"\(\?<[=!](?:[^()\\]|\\.)*\)")
_LITERAL = re.compile(r"(?<!\\)[^\W\d_]{4,}")
_NEVER = re.compile(r"(?!)")
_SIGN = "sign."
_NOT_FOLDED = "spelled"  # read over the text as it was written


def read_toml(name: str) -> dict[str, Any]:
    """One data file of the packs folder."""
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def _expand(line: str, words: dict[str, str]) -> str:
    for _ in range(3):  # classes may use classes, not deeper than this
        line = _WORD.sub(lambda match: words.get(match[1], match[0]), line)
    return line


@dataclass(frozen=True)
class Pack:
    """The rules of one language; `rule("clear.frames")` is the pattern of that table entry."""

    language: str
    sources: dict[str, str] = field(repr=False)
    remedy: dict[str, str] = field(repr=False)
    common: frozenset[str] = field(repr=False)
    everyday: frozenset[str] = field(repr=False)
    empty: frozenset[str] = field(repr=False)
    misspelt: tuple[str, ...]
    spelt: frozenset[str] = field(repr=False)
    spaced: bool = True
    _compiled: dict[str, re.Pattern[str]] = field(default_factory=dict, repr=False, compare=False)

    def rule(self, name: str) -> re.Pattern[str]:
        """The pattern of a table entry; one that never matches where the pack is silent."""
        known = self._compiled.get(name)
        if known is None:
            source = self.sources.get(name)
            known = self._compiled[name] = re.compile(source) if source else _NEVER
        return known

    def __hash__(self) -> int:
        """By language: there is one pack of each."""
        return hash(self.language)


def _pattern(block: str, words: dict[str, str], *, spaced: bool, folded: bool) -> str:
    lines = [_expand(line, words) for line in block.strip("\n").split("\n") if line.strip()]
    if folded:
        lines = [letters.fold_pattern(line) for line in lines]
    gap = r"\s+" if spaced else r"\s*"
    maybe = r"\s*"
    lines = [_LOOKBEHIND.sub(lambda match: match[0].replace(" ", r"\s"), line) for line in lines]  # of fixed width
    return "|".join(f"(?:{line.replace(' ?', maybe).replace(' ', gap)})" for line in lines)


def _build(raw: dict[str, Any]) -> Pack:
    words = {name: block.strip() for name, block in raw.get("words", {}).items()}
    spaced = raw.get("spaced", True)
    sources = {
        f"{table}.{name}": _pattern(block, words, spaced=spaced, folded=table != _NOT_FOLDED)
        for table, entries in raw.items()
        if isinstance(entries, dict) and table not in ("words", "remedy")
        for name, block in entries.items()
    }
    common = _listed(raw, "common")
    return Pack(
        language=raw["language"],
        sources=sources,
        remedy=raw.get("remedy", {}),
        common=common,
        everyday=common | _listed(raw, "everyday"),
        empty=_listed(raw, "empty"),
        misspelt=tuple(letters.fold_words(raw.get("misspelt", "")).split()),
        spelt=_listed(raw, "spelt"),
        spaced=spaced,
    )


def _listed(raw: dict[str, Any], name: str) -> frozenset[str]:
    words = letters.fold_words(raw.get(name, "")).split()
    return frozenset(words) | {letters.without_accents(word) for word in words if len(word) > 4}


# which packs there are ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """What tells that a text is in a language, without reading the whole pack."""

    language: str
    common: frozenset[str]
    signs: tuple[str, ...]
    script: str


@cache
def heads() -> dict[str, Head]:
    """The heads of all packs by language; only the lines before a file's first table are read."""
    found = {}
    for path in _pack_files():
        top = "\n" + path.read_text(encoding="utf-8")
        raw = tomllib.loads(top[: cut if (cut := top.find("\n[")) >= 0 else len(top)])
        if "language" in raw:
            found[raw["language"]] = Head(
                raw["language"],
                _listed(raw, "common"),
                tuple(letters.fold_words(raw.get("signs", "")).split()),
                raw.get("script", "latin"),
            )
    return found


def has_pack(language: str) -> bool:
    """Whether the judge can judge a language, by primary subtag."""
    return language in heads()


@cache
def pack(language: str) -> Pack:
    """The pack of a language that has one."""
    return _build(read_toml(f"{language}.toml"))


def full_packs() -> dict[str, Pack]:
    """Every language that the judge can judge, by primary language subtag. Reads all files."""
    return {language: pack(language) for language in heads()}


# what a reading needs ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def typing_errors(packs: tuple[Pack, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Key stems that are recognised when misspelt, and real words that are no misspelling of them."""
    keys = tuple(key for one in packs for key in one.misspelt)
    return keys, frozenset(keys).union(*(one.spelt for one in packs))


@cache
def _bits() -> dict[str, int]:
    """The bits of every rule, the same in all packs; of the hints; and of the signs of every language."""
    hints = [f"foreign.{hint.language}" for hint in foreign_hints()]
    return doors.masks([*sorted(tables.KNOWN), *hints, *(_SIGN + language for language in heads())], tables.LONG)


@cache
def _doors_of(one: Pack) -> Doors:
    found = Doors(_bits())
    for name, source in one.sources.items():
        if name in tables.KNOWN:
            found.add(name, source, one.everyday)
    return found


@cache
def _doors_of_all() -> Doors:
    """Which words open the hints of languages without a pack, and which are signs of a language."""
    found = Doors(_bits())
    for hint in foreign_hints():
        found.add(f"foreign.{hint.language}", hint.record.pattern)
    for head in heads().values():
        for stem in head.signs:
            found.add_stem(_SIGN + head.language, stem)
    return found


@lru_cache(maxsize=64)
def doors_of(packs: tuple[Pack, ...]) -> Doors:
    """Which words open which rules in some packs, the hints, and are signs of a language."""
    found = Doors(_bits())
    found.merge(_doors_of_all())
    for one in packs:
        found.merge(_doors_of(one))
    return found


def signs_in(bits: int) -> list[str]:
    """Languages whose signs are among the bits of some words."""
    return [language for language in heads() if bits & _bits()[_SIGN + language]]


@lru_cache(maxsize=64)
def _everyday_words(packs: tuple[Pack, ...]) -> dict[str, int]:
    """What the words of the packs' own lists and patterns open; every memo of these packs starts with them."""
    keys = doors_of(packs).of_word
    words = frozenset().union(*(one.everyday for one in packs))
    shapes = (shape for word in words for shape in (word, f"{word}.", f"{word},", word.capitalize()))
    literals = (word for one in packs for source in one.sources.values() for word in _LITERAL.findall(source))
    return {shape: keys(marked(shape)) for shape in {*shapes, *literals}}


def new_memo(packs: tuple[Pack, ...]) -> Memo:
    """An empty memo for one judgement."""
    return Memo(packs, doors_of(packs), _bits(), dict(_everyday_words(packs)))


# languages without a pack -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ForeignHint:
    """Just enough of a language without a pack to see that a sentence is in it and speaks of recording."""

    language: str
    words: frozenset[str]
    record: re.Pattern[str]
    negation: re.Pattern[str]


@cache
def foreign_hints() -> tuple[ForeignHint, ...]:
    """Hints for the languages without a pack."""
    return tuple(
        ForeignHint(
            name,
            frozenset(letters.fold_words(entry.get("words", "")).split()),
            re.compile(letters.fold_pattern(entry["record"])),
            re.compile(letters.fold_pattern(_whole(entry))),
        )
        for name, entry in read_toml("foreign.toml")["languages"].items()
        if not has_pack(name)
    )


def _whole(entry: dict[str, str]) -> str:
    return rf"\b(?:{entry['negation']})\b" if entry.get("words") else entry["negation"]


# looking after the files ------------------------------------------------------------------------------------------


def check(language: str) -> list[str]:
    """What is wrong with a pack: tables missing or unknown, patterns that do not compile or could be slow."""
    raw = read_toml(f"{language}.toml")
    built = _build(raw)
    wrong = [f"{name}: missing" for name in tables.REQUIRED if not built.sources.get(name)]
    wrong += [f"{name}: no such rule" for name in built.sources if name not in tables.KNOWN]
    wrong += [
        f"{key}: no such key" for key, value in raw.items() if not isinstance(value, dict) and key not in tables.HEAD
    ]
    wrong += [f"remedy.{name}: missing" for name in tables.REMEDY if not built.remedy.get(name)]
    if not built.common and raw.get("script", "latin") == "latin":
        wrong.append("common: missing")
    if raw["language"] != language:
        wrong.append(f"language: {raw['language']}, but the file is {language}.toml")
    for name, source in built.sources.items():
        wrong += [f"{name}: {fault}" for fault in _faults(source)]
    return wrong


def _faults(source: str) -> Iterator[str]:
    try:
        compiled = re.compile(source)
    except re.error as error:
        yield f"does not compile: {error}"
        return
    if source and compiled.fullmatch(""):
        yield "matches the empty text"
    unknown = _WORD.search(source)
    if unknown:
        yield f"{unknown[0]} is no class of [words]"
    yield from slowness.faults(source)


def _pack_files() -> Iterator[Path]:
    yield from sorted(_FOLDER.glob("*.toml"))


def _content_hash(names: Sequence[str] = ()) -> str:
    """Of all data files but the ones named."""
    digest = hashlib.sha256()
    for path in _pack_files():
        if path.name not in names:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


RULEBOOK_VERSION = f"{RULES_VERSION}-{_content_hash()[:12]}"
JUDGING_VERSION = f"{RULES_VERSION}-{_content_hash(['jurisdictions.toml'])[:12]}"
"""The rulebook without the law: a change of one place's law makes no judgement of another place outdated."""
