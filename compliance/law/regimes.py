"""The regimes outside the United States, California, and the table of all.

Rests on privacy law as of November 2026. What was not read in its own text carries its `Certainty`, and the
explanation of a date says so.
"""

from collections.abc import Mapping
from datetime import date

from compliance.law import us_states
from compliance.law.statutes import Certainty, Clock, Effect, EffectKind, Limit, Regime, Span, Unit
from compliance.law.terms import LawError, Matter, Right

_DATA_SUBJECT_RIGHTS = frozenset(
    {Right.ERASURE, Right.RECTIFICATION, Right.RESTRICTION, Right.PORTABILITY, Right.OBJECTION}
)
_ONE_MONTH, _THREE_MONTHS = Span(1, Unit.MONTHS), Span(3, Unit.MONTHS)

# --- European Union ---------------------------------------------------------------------------------------------------

_EDPB = "EDPB Guidelines 01/2022 section 5.3 on GDPR Art. 12(3)"
_EU_RESPOND = Limit(_ONE_MONTH, "GDPR Art. 12(3)")
_EU_EXTENDED = Limit(_THREE_MONTHS, "GDPR Art. 12(3)")
_EU_IDENTITY = Effect(EffectKind.SUSPENDS, f"GDPR Art. 12(6), {_EDPB}")
_EU_SILENT_ON = {
    Matter.FEE: "GDPR Art. 12(5)(a) allows a fee for an unfounded or excessive request, but no article makes the "
    "month of Art. 12(3) wait for it",
    Matter.CLARIFICATION: f"{_EDPB} lets time stand still for specification of an access request only (recital 63); "
    "no article does so for this right",
}
_EU_SILENT = "GDPR Art. 12(3) counts from receipt"
_EU_NO_CLOCK = {
    Right.APPEAL: "GDPR Art. 77 and 79 give a complaint to the authority and a court, not an appeal to the controller",
    Right.OPT_OUT: "GDPR Art. 21(2) has the objection to direct marketing for it (right `objection`)",
    Right.LIMIT: "GDPR Art. 18 has restriction for it (right `restriction`)",
}

EU_GDPR = Regime(
    name="eu-gdpr",
    title="General Data Protection Regulation (EU) 2016/679",
    counting="the day of receipt itself is not counted (Reg. (EEC, Euratom) 1182/71 Art. 3(1))",
    rolls="Reg. (EEC, Euratom) 1182/71 Art. 3(4)",
    instead=_EU_NO_CLOCK,
    clocks=(
        Clock(
            rights=frozenset({Right.ACCESS}),
            respond=_EU_RESPOND,
            extended=_EU_EXTENDED,
            silent=_EU_SILENT,
            silent_on=_EU_SILENT_ON,
            effects={
                Matter.IDENTITY: _EU_IDENTITY,
                Matter.CLARIFICATION: Effect(EffectKind.SUSPENDS, f"GDPR recital 63, {_EDPB}"),
            },
        ),
        Clock(
            rights=_DATA_SUBJECT_RIGHTS,
            respond=_EU_RESPOND,
            extended=_EU_EXTENDED,
            silent=_EU_SILENT,
            silent_on=_EU_SILENT_ON,
            effects={Matter.IDENTITY: _EU_IDENTITY},
        ),
    ),
)

# --- United Kingdom ---------------------------------------------------------------------------------------------------

_UK_SINCE = date(2026, 2, 5)  # SI 2026/82 reg. 2(h) brought DUAA 2025 s. 76 into force
_UK_12A = "UK GDPR Art. 12A (Data (Use and Access) Act 2025 s. 76)"
_UK_RESPOND = Limit(_ONE_MONTH, _UK_12A)
_UK_EXTENDED = Limit(_THREE_MONTHS, _UK_12A)
_UK_SHIFTS = {
    Matter.IDENTITY: Effect(EffectKind.SHIFTS_START, "UK GDPR Art. 12A with Art. 12(6)", _UK_SINCE),
    Matter.FEE: Effect(EffectKind.SHIFTS_START, "UK GDPR Art. 12A with Art. 12(5)", _UK_SINCE),
}
_UK_SILENT = f"{_UK_12A} does not let this event count"
_UK_NO_CLOCK = {
    Right.APPEAL: "a complaint to the controller under DPA 2018 s. 164A must be acknowledged within 30 days and "
    "answered without undue delay, which is no fixed date",
    Right.OPT_OUT: "UK GDPR Art. 21(2) has the objection to direct marketing for it (right `objection`)",
    Right.LIMIT: "UK GDPR Art. 18 has restriction for it (right `restriction`)",
}

UK_GDPR = Regime(
    name="uk-gdpr",
    title="UK General Data Protection Regulation, as amended by the Data (Use and Access) Act 2025",
    counting="months run to the same-numbered day, as the ICO applies Reg. (EEC, Euratom) 1182/71 Art. 3",
    rolls="Reg. (EEC, Euratom) 1182/71 Art. 3(4) as the ICO applies it",
    reading="“month beginning with” (UK GDPR Art. 12A) can be read to end a day before the same-numbered day; the "
    "ICO counts to the same-numbered day, which governs here. On the strict reading the last day is {strict}.",
    instead=_UK_NO_CLOCK,
    clocks=(
        Clock(
            rights=frozenset({Right.ACCESS}),
            respond=_UK_RESPOND,
            extended=_UK_EXTENDED,
            silent=_UK_SILENT,
            effects={
                **_UK_SHIFTS,
                Matter.CLARIFICATION: Effect(EffectKind.PAUSES, "UK GDPR Art. 12A: both end days included", _UK_SINCE),
            },
            certainty=Certainty.SECONDARY,
        ),
        Clock(
            rights=_DATA_SUBJECT_RIGHTS,
            respond=_UK_RESPOND,
            extended=_UK_EXTENDED,
            silent=_UK_SILENT,
            silent_on={Matter.CLARIFICATION: f"{_UK_12A} lets clarification stop the clock of an access request only"},
            effects=_UK_SHIFTS,
            certainty=Certainty.SECONDARY,
        ),
    ),
)

# --- California -------------------------------------------------------------------------------------------------------

_CA_NO_PAUSE = (
    "11 CCR 7021(b): the 45 days begin on the day of receipt, regardless of the time needed to verify; "
    "no pause exists in California"
)
_CA_NO_VERIFICATION = (
    "11 CCR 7060(b): a request to opt out or to limit needs no verification and nothing stops its clock"
)

US_CA = Regime(
    name="us-ca",
    title="California Consumer Privacy Act and its regulations",
    counting="the first day is not counted (Cal. Civ. Code § 10)",
    instead={
        Right.OBJECTION: "Civ. Code § 1798.120 has the right `opt_out` for it",
        Right.RESTRICTION: "Civ. Code § 1798.121 has the right `limit` for it",
        Right.APPEAL: "the CCPA (Civ. Code § 1798.100 ff.) requires no appeal",
    },
    clocks=(
        Clock(
            rights=frozenset({Right.ACCESS, Right.ERASURE, Right.RECTIFICATION, Right.PORTABILITY}),
            acknowledge=Limit(Span(10, Unit.BUSINESS_DAYS), "11 CCR 7021(a)"),
            respond=Limit(Span(45, Unit.DAYS), "11 CCR 7021(b), Civ. Code § 1798.130(a)(2)"),
            extended=Limit(Span(90, Unit.DAYS), "11 CCR 7021(b)"),
            silent=_CA_NO_PAUSE,
            silent_on={Matter.FEE: f"{_CA_NO_PAUSE}; 11 CCR 7060 forbids a fee for verification"},
        ),
        Clock(
            rights=frozenset({Right.OPT_OUT}),
            respond=Limit(Span(15, Unit.BUSINESS_DAYS), "11 CCR 7026(f)"),
            silent=_CA_NO_VERIFICATION,
            certainty=Certainty.SECONDARY,
        ),
        Clock(
            rights=frozenset({Right.LIMIT}),
            respond=Limit(Span(15, Unit.BUSINESS_DAYS), "11 CCR 7027(g)"),
            silent=_CA_NO_VERIFICATION,
            certainty=Certainty.SECONDARY,
        ),
    ),
)

# --- Brazil, Canada, Quebec -------------------------------------------------------------------------------------------

BR_LGPD = Regime(
    name="br-lgpd",
    title="Lei Geral de Proteção de Dados (Law 13.709/2018)",
    counting="counted from the date of the request (LGPD Art. 19 II)",
    clocks=(
        Clock(
            rights=frozenset({Right.ACCESS}),
            respond=Limit(Span(15, Unit.DAYS), "LGPD Art. 19 II"),
            silent="LGPD Art. 19 II counts 15 days from the request and names nothing that stops them",
            notes=(
                "LGPD Art. 19 I: confirmation in simplified form is due at once; the 15 days are for the full text.",
            ),
        ),
    ),
)

CA_PIPEDA = Regime(
    name="ca-pipeda",
    title="Personal Information Protection and Electronic Documents Act (Canada)",
    counting="counted after receipt (PIPEDA s. 8(3))",
    clocks=(
        Clock(
            rights=frozenset({Right.ACCESS}),
            respond=Limit(Span(30, Unit.DAYS), "PIPEDA s. 8(3)"),
            extended=Limit(Span(60, Unit.DAYS), "PIPEDA s. 8(4)"),
            silent="PIPEDA s. 8(3) counts 30 days from receipt and names nothing that stops them",
            notes=("PIPEDA s. 8(5): silence until the last day is deemed a refusal.",),
        ),
    ),
)

CA_QC = Regime(
    name="ca-qc",
    title="Quebec Act respecting the protection of personal information in the private sector (CQLR c. P-39.1)",
    counting="counted after receipt (CQLR c. P-39.1 s. 32)",
    clocks=(
        Clock(
            rights=frozenset({Right.ACCESS, Right.RECTIFICATION}),
            respond=Limit(Span(30, Unit.DAYS), "CQLR c. P-39.1 s. 32"),
            silent="CQLR c. P-39.1 s. 32 counts 30 days from receipt and names nothing that stops them",
            notes=("CQLR c. P-39.1 s. 32: silence until the last day is deemed a refusal.",),
            certainty=Certainty.SECONDARY,
        ),
    ),
)

REGIMES: Mapping[str, Regime] = {
    regime.name: regime for regime in (EU_GDPR, UK_GDPR, US_CA, *us_states.REGIMES, BR_LGPD, CA_PIPEDA, CA_QC)
}


def regime_named(name: str) -> Regime:
    """The regime of that name. Raises LawError."""
    try:
        return REGIMES[name]
    except KeyError:
        raise LawError(f"unknown regime {name!r}; known are {', '.join(REGIMES)}") from None


def rights_of(name: str) -> frozenset[Right]:
    """The rights for which a regime sets a clock. Raises LawError for an unknown regime."""
    return regime_named(name).rights
