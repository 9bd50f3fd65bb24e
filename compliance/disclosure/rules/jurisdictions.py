"""Jurisdiction classes: labelling policy section 2, read from `packs/jurisdictions.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from compliance.disclosure.rules import packs
from compliance.disclosure.rules.results import JurisdictionView

ONE_PARTY, NOTICE, EXPRESS = "one_party", "notice", "express"
_RANK = {ONE_PARTY: 0, NOTICE: 1, EXPRESS: 2}


@dataclass(frozen=True, slots=True)
class Demand:
    """What one place asks for."""

    kind: str
    purpose: bool
    source: str


@cache
def _table() -> dict[str, Demand]:
    raw = packs.read_toml("jurisdictions.toml")
    rows = {name: raw[name] for name in ("default", "unknown", "us_default")} | raw["codes"]
    return {code: Demand(row["class"], row["purpose"], row["source"]) for code, row in rows.items()}


def demand_of(code: str) -> Demand:
    """The row of one code, in any case; a subdivision (`DE-BY`) takes its country's row."""
    table, code = _table(), code.strip().upper()
    if code in table:
        return table[code]
    country = code.split("-")[0]
    if country == "US":
        return table["us_default"]
    return table.get(country, table["default"])


def strictest(codes: Sequence[str]) -> JurisdictionView:
    """Strictest class of all codes; purpose is demanded where any code demands it."""
    demands = [(code, demand_of(code)) for code in codes] or [("unknown", _table()["unknown"])]
    top = max((demand.kind for _, demand in demands), key=_RANK.__getitem__)
    return JurisdictionView(
        codes=tuple(codes),
        demand=top,
        purpose=any(demand.purpose for _, demand in demands),
        why=tuple(f"{code}: {demand.kind} ({demand.source})" for code, demand in demands),
    )
