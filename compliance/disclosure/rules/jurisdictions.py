"""Jurisdictions: classes of the labelling policy, section 2, with the law behind them, from `packs/jurisdictions.toml`.

Beside the verdict stands a check of its own: must the caller be told that they speak with an AI, and are they?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any

from compliance.disclosure.rules import packs
from compliance.disclosure.rules.results import AiCheck, JurisdictionView

ONE_PARTY, NOTICE, EXPRESS = "one_party", "notice", "express"
UNKNOWN = "unknown"
_RANK = {ONE_PARTY: 0, NOTICE: 1, EXPRESS: 2}
_AI_RANK = {"none": 0, "no_deception": 1, "on_request": 2, "some_calls": 3, "always": 4}
_DAYS = 365


@dataclass(frozen=True, slots=True)
class Demand:
    """What one place asks for, and on what that rests."""

    kind: str
    purpose: bool
    citation: str
    timing: str
    silence: str
    ai: str
    opt_out: bool
    confidence: str
    reviewed_on: date
    note: str


@dataclass(frozen=True, slots=True)
class AiRule:
    """Where and how people have to be told that they speak with an AI."""

    demand: str
    when: str
    citation: str
    confidence: str
    reviewed_on: date
    note: str


@dataclass(frozen=True, slots=True)
class Override:
    """What an organisation's counsel has decided for a place instead; named in every result that it moved."""

    kind: str
    purpose: bool
    reason: str

    def __post_init__(self) -> None:
        """Refuse a class that does not exist. Raises ValueError."""
        if self.kind not in _RANK:
            raise ValueError(f"no such class: {self.kind}")


Overrides = Mapping[str, Override]
NO_OVERRIDES: Overrides = MappingProxyType({})


@cache
def _raw() -> dict[str, Any]:
    return packs.read_toml("jurisdictions.toml")


@cache
def table() -> dict[str, Demand]:
    """Every row; `default`, `unknown` and `us_default` are rows too."""
    raw = _raw()
    rows = {name: raw[name] for name in ("default", UNKNOWN, "us_default")} | raw["codes"]
    return {
        code: Demand(
            kind=row["class"],
            purpose=row["purpose"],
            citation=row["citation"],
            timing=row["timing"],
            silence=row["silence"],
            ai=row.get("ai", ""),
            opt_out=row["opt_out"],
            confidence=row["confidence"],
            reviewed_on=row["reviewed_on"],
            note=row.get("note", ""),
        )
        for code, row in rows.items()
    }


@cache
def ai_rules() -> dict[str, AiRule]:
    """Rules on telling that it is an AI, by the name that rows of the table use."""
    return {
        name: AiRule(
            row["demand"], row["when"], row["citation"], row["confidence"], row["reviewed_on"], row.get("note", "")
        )
        for name, row in _raw()["ai"].items()
    }


def demand_of(code: str) -> Demand:
    """The row of one code, in any case; a subdivision (`DE-BY`) takes its country's row."""
    rows, code = table(), code.strip().upper()
    if code in rows:
        return rows[code]
    country = code.split("-")[0]
    if country == "US":
        return rows["us_default"]
    return rows.get(country, rows["default"])


def _override(code: str, overrides: Overrides) -> Override | None:
    code = code.strip().upper() if code != UNKNOWN else code
    return overrides.get(code) or overrides.get(code.split("-")[0])


def strictest(codes: Sequence[str], overrides: Overrides = NO_OVERRIDES) -> JurisdictionView:
    """Strictest class of all codes; purpose is demanded where any code demands it; overrides are named."""
    demands = [(code, demand_of(code)) for code in codes] or [(UNKNOWN, table()[UNKNOWN])]
    kinds, purposes, why, used = [], [], [], []
    for code, demand in demands:
        changed = _override(code, overrides)
        kinds.append(changed.kind if changed else demand.kind)
        purposes.append(changed.purpose if changed else demand.purpose)
        if changed:
            used.append(code)
            why.append(f"{code}: {changed.kind} (override: {changed.reason}; the table says {demand.kind})")
        else:
            why.append(f"{code}: {demand.kind} ({demand.citation})")
    return JurisdictionView(
        codes=tuple(codes),
        demand=max(kinds, key=_RANK.__getitem__),
        purpose=any(purposes),
        why=tuple(why),
        overridden=tuple(used),
        reviewed_on=min(demand.reviewed_on for _, demand in demands),
    )


def outdated(codes: Sequence[str], on: date) -> list[str]:
    """Warnings for the rows, of law and of AI rules, that nobody has looked at for twelve months before a day."""
    seen = {code: demand_of(code).reviewed_on for code in codes} or {UNKNOWN: table()[UNKNOWN].reviewed_on}
    seen |= {f"AI rule {name}": ai_rules()[name].reviewed_on for name in dict.fromkeys(map(_ai_name, codes)) if name}
    return [
        f"{name}: last reviewed on {reviewed.isoformat()}, more than twelve months ago"
        for name, reviewed in seen.items()
        if (on - reviewed).days > _DAYS
    ]


def _ai_name(code: str) -> str:
    code = code.strip().upper()
    named = demand_of(code).ai
    return named or ("EU" if code.split("-")[0] in _raw()["eu"]["members"].split() else "")


def check_ai(codes: Sequence[str], label: str) -> AiCheck:
    """Whether the strictest rule on telling about the AI is met by a prompt with that `ai` label.

    Where a rule holds for some calls or on request only, and the text is silent, that is open: `met` is None.
    """
    names = [name for name in dict.fromkeys(map(_ai_name, codes)) if name]
    found = [ai_rules()[name] for name in names]
    demand = max((rule.demand for rule in found), key=_AI_RANK.__getitem__, default="none")
    return AiCheck(demand, _is_met(demand, label), tuple(rule.citation for rule in found))


def _is_met(demand: str, label: str) -> bool | None:
    if demand == "none":
        return True
    if demand == "no_deception":
        return label != "denied"
    if demand == "always":
        return label == "yes"
    if label == "denied":
        return False
    told = label == "yes" or (label == "on_request" and demand == "on_request")
    return True if told else None
