"""The figures of reports: each one aggregate over the audits that hold, by an index that holds all that it counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Count, Exists, F, FloatField, Func, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce, TruncWeek

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.connectors import access as agents
from compliance.disclosure import access as doors
from compliance.disclosure import reports, standing
from compliance.disclosure.models import Spoken, Verdict
from compliance.disclosure.reports import Period, Table
from compliance.errors import Invalid
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactKind

MOST = 200
"""Rows of a list of the worst."""
_VERDICTS = {verdict.value: Count("id", filter=Q(verdict=verdict)) for verdict in Verdict}
_OF_CALL = {"agent": "call__agent_id", "place": "call__place", "language": "call__language"}
_OF_PROMPT = {"agent": "agent_id", "place": "place", "language": "language"}


def report(*, actor: Actor, name: str, period: Period, by: str = "agent") -> Table:
    """One of the reports. Raises Invalid for a name or a grouping that does not exist."""
    return report_all(actor=actor, names=[name], period=period, by=by)[0]


def report_all(*, actor: Actor, names: Sequence[str], period: Period, by: str = "agent") -> list[Table]:
    """Several of them; the agents' names and the overrides are looked up once."""
    access.require(actor, "disclosure.read")
    if not set(names) <= set(reports.NAMES) or by not in reports.GROUPS:
        known = {"report": [", ".join(reports.NAMES)], "by": [", ".join(reports.GROUPS)]}
        raise Invalid("No such report", errors=known)
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        made = {name: _MADE_BY[name](organisation_id, period, by) for name in names}
        _name_agents(organisation_id, [row for _, rows in made.values() for row in rows])
        overrides = _overrides(organisation_id)
    return [Table(name, period, columns, rows, overrides) for name, (columns, rows) in made.items()]


def _held(organisation_id: UUID, period: Period) -> QuerySet[Any]:
    start, end = period.bounds
    rows = doors.audits(organisation_id).filter(is_newest=True, held_at__gte=start, held_at__lt=end)
    return rows.order_by()


# --- coverage ---------------------------------------------------------------------------------------------------------


def _coverage(organisation_id: UUID, period: Period, by: str) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """How much of what there is was judged: calls of the period, and the prompts in force."""
    rows = [
        {"what": what} | row
        for what, found in (("calls", _calls(organisation_id, period, by)), ("prompts", _prompts(organisation_id, by)))
        for row in found
    ]
    return ("what", by, *(["agent_name"] if by == "agent" else []), *_COVERED), rows


_COVERED = ("total", "readable", "audited", "share", "pass", "review", "fail")


def _calls(organisation_id: UUID, period: Period, by: str) -> list[dict[str, Any]]:
    start, end = period.bounds
    words = register.artifacts(organisation_id).filter(
        call_id=OuterRef("pk"), kind=ArtifactKind.TRANSCRIPT.value, state__in=register.READABLE
    )
    calls = register.calls(organisation_id).filter(state="active").order_by()
    calls = calls.annotate(at=Coalesce("started_at", "ended_at", "registered_at")).filter(at__gte=start, at__lt=end)
    key = _OF_CALL[by].removeprefix("call__")
    totals = calls.values(key).annotate(total=Count("id"), readable=Count("id", filter=Exists(words)))
    audits = _held(organisation_id, period).filter(call__state="active")
    judged = {row[_OF_CALL[by]]: row for row in audits.values(_OF_CALL[by]).annotate(audited=Count("id"), **_VERDICTS)}
    return [_covered(by, row[key], row, judged.get(row[key], {})) for row in totals.order_by("-total")]


def _prompts(organisation_id: UUID, by: str) -> list[dict[str, Any]]:
    audits = doors.audits(organisation_id).filter(is_newest=True, prompt=OuterRef("pk")).order_by()
    rows = doors.prompts_in_force(organisation_id).order_by()
    if by == "place":
        places = Func(
            F("jurisdictions"), function="jsonb_array_elements_text", output_field=CharField(), set_returning=True
        )
        rows = rows.annotate(place=places)
    counts = {verdict: Count("id", filter=Exists(audits.filter(verdict=verdict))) for verdict in _VERDICTS}
    found = rows.values(_OF_PROMPT[by]).annotate(
        total=Count("id"), audited=Count("id", filter=Exists(audits)), **counts
    )
    return [
        _covered(by, row[_OF_PROMPT[by]], row | {"readable": row["total"]}, row) for row in found.order_by("-total")
    ]


def _covered(by: str, key: Any, total: dict[str, Any], judged: dict[str, Any]) -> dict[str, Any]:
    audited = judged.get("audited", 0)
    verdicts = {verdict: judged.get(verdict, 0) for verdict in _VERDICTS}
    counted = {"total": total["total"], "readable": total["readable"], "audited": audited}
    return {by: key or None} | counted | {"share": reports.share(audited, total["readable"])} | verdicts


# --- trend, agents, speech --------------------------------------------------------------------------------------------


def _trend(organisation_id: UUID, period: Period, by: str) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Verdicts by week (from Monday) of the call, or of the prompt's submission."""
    what = Case(When(call__isnull=False, then=Value("calls")), default=Value("prompts"))
    rows = _held(organisation_id, period).annotate(week=TruncWeek("held_at", tzinfo=UTC), what=what)
    counted = rows.values("week", "what").annotate(audited=Count("id"), **_VERDICTS).order_by("week", "what")
    found = [
        row | {"week": row["week"].date(), "pass_share": reports.share(row["pass"], row["audited"])} for row in counted
    ]
    return ("week", "what", "audited", "pass", "review", "fail", "pass_share"), found


def _agents(organisation_id: UUID, period: Period, by: str) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Agents by the share of their calls that fail, the worst first."""
    rows = _held(organisation_id, period).filter(call__isnull=False).values("agent_id")
    rows = rows.annotate(audited=Count("id"), **_VERDICTS)
    failing = Cast(F("fail"), FloatField()) / F("audited")
    worst = rows.annotate(fail_share=failing).order_by("-fail_share", "-fail", "-review", "agent_id")[:MOST]
    found = [{"agent": row.pop("agent_id")} | row | {"fail_share": round(row["fail_share"], 4)} for row in worst]
    return ("agent", "agent_name", "audited", "pass", "review", "fail", "fail_share"), found


def _speech(organisation_id: UUID, period: Period, by: str) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """How often the disclosure of the prompt in force was spoken: by agent, version and week."""
    rows = _held(organisation_id, period).exclude(spoken="").annotate(week=TruncWeek("held_at", tzinfo=UTC))
    said = {f"said_{name.value}": Count("id", filter=Q(spoken=name)) for name in Spoken}
    counted = rows.values("agent_id", "clause_of__number", "week").annotate(**said)
    found = [
        {
            "agent": row["agent_id"],
            "version": row["clause_of__number"],
            "week": row["week"].date(),
            **{name.value: row[f"said_{name.value}"] for name in Spoken},
            "spoken_share": reports.share(row["said_spoken"], row["said_spoken"] + row["said_not_spoken"]),
        }
        for row in counted.order_by("agent_id", "clause_of__number", "week")
    ]
    columns = ("agent", "agent_name", "version", "week", "spoken", "not_spoken", "unclear", "spoken_share")
    return columns, found


_MADE_BY = {"coverage": _coverage, "trend": _trend, "agents": _agents, "speech": _speech}


# --- what is the same in all ------------------------------------------------------------------------------------------


def _name_agents(organisation_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    ids = {row["agent"] for row in rows if row.get("agent")}
    names = {agent.id: str(agent) for agent in agents.agents_of(organisation_id).filter(id__in=ids)} if ids else {}
    for row in rows:
        if "agent" in row:
            row["agent_name"] = names.get(row["agent"])


def _overrides(organisation_id: UUID) -> tuple[str, ...]:
    return tuple(
        f"override: {row.code} is judged as {row.demand}, {'with' if row.purpose else 'without'} purpose"
        f"{f', until {row.until_on}' if row.until_on else ''} ({row.reason})"
        for row in standing.holding(organisation_id)
    )
