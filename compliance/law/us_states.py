"""The state privacy acts of the United States besides California: one shape, one row each.

The days run from receipt, and no act moves its last day off a weekend. Where `certainty` is not READ, the period
comes from a published tracker of the acts (SECONDARY) or is common knowledge (KNOWLEDGE), and the explanation says so.
"""

from dataclasses import dataclass

from compliance.law.statutes import Certainty, Clock, Limit, Regime, Span, Unit
from compliance.law.terms import Right

READ, SECONDARY, KNOWLEDGE = Certainty.READ, Certainty.SECONDARY, Certainty.KNOWLEDGE
_FIVE = frozenset({Right.ACCESS, Right.ERASURE, Right.RECTIFICATION, Right.PORTABILITY, Right.OPT_OUT})
_INSTEAD = {
    Right.OBJECTION: "use `opt_out`",
    Right.RESTRICTION: "the act has none",
    Right.RECTIFICATION: "the act gives no right to correct",
    Right.LIMIT: "sensitive data need consent beforehand in this state, or `opt_out` is the way",
}


@dataclass(frozen=True)
class StateAct:
    """One act: days to respond, days in all with the extension, and days for an appeal (in all, where it extends)."""

    name: str
    title: str
    respond_law: str
    appeal_law: str | None
    appeal_days: int | None = 60
    respond_days: int = 45
    extended_days: int = 90
    appeal_extended_days: int | None = None
    rights: frozenset[Right] = _FIVE
    certainty: Certainty = SECONDARY
    appeal_certainty: Certainty = KNOWLEDGE
    appeal_note: str = "a denied appeal must name the way to the attorney general"

    def regime(self) -> Regime:
        clocks = [self._answer_clock()]
        instead = dict(_INSTEAD)
        if self.appeal_law and self.appeal_days:
            clocks.append(self._appeal_clock(self.appeal_law, self.appeal_days))
        else:
            instead[Right.APPEAL] = f"{self.respond_law}: the act requires no appeal"
        return Regime(
            self.name, self.title, f"counted from receipt ({self.respond_law})", tuple(clocks), instead=instead
        )

    def _answer_clock(self) -> Clock:
        return Clock(
            rights=self.rights,
            respond=Limit(Span(self.respond_days, Unit.DAYS), self.respond_law),
            extended=Limit(Span(self.extended_days, Unit.DAYS), self.respond_law),
            silent=f"{self.respond_law} counts from receipt and names nothing that stops or restarts the days",
            certainty=self.certainty,
        )

    def _appeal_clock(self, law: str, days: int) -> Clock:
        longest = self.appeal_extended_days
        return Clock(
            rights=frozenset({Right.APPEAL}),
            respond=Limit(Span(days, Unit.DAYS), law),
            extended=Limit(Span(longest, Unit.DAYS), law) if longest else None,
            silent=f"{law} counts from receipt of the appeal and names nothing that stops the days",
            notes=(f"{law}: {self.appeal_note}.",),
            certainty=self.appeal_certainty,
        )


_ACTS = (
    StateAct(
        "us-va",
        "Virginia Consumer Data Protection Act",
        "Va. Code § 59.1-577(B)(1)",
        "Va. Code § 59.1-577(C)",
        certainty=READ,
        appeal_certainty=READ,
    ),
    StateAct(
        "us-co", "Colorado Privacy Act", "C.R.S. § 6-1-1306(2)", "C.R.S. § 6-1-1306(3)", 45, appeal_extended_days=105
    ),
    StateAct(
        "us-ct",
        "Connecticut Data Privacy Act",
        "Conn. Gen. Stat. § 42-518(c)(1)",
        "Conn. Gen. Stat. § 42-518(d)",
        certainty=READ,
    ),
    StateAct("us-ut", "Utah Consumer Privacy Act", "Utah Code § 13-61-203(2)", None, None),
    StateAct(
        "us-tx",
        "Texas Data Privacy and Security Act",
        "Tex. Bus. & Com. Code § 541.052",
        "Tex. Bus. & Com. Code § 541.053",
    ),
    StateAct(
        "us-fl",
        "Florida Digital Bill of Rights",
        "Fla. Stat. § 501.706",
        "Fla. Stat. § 501.707",
        extended_days=60,
        certainty=KNOWLEDGE,
    ),
    StateAct("us-or", "Oregon Consumer Privacy Act", "ORS 646A.576", "ORS 646A.576 (appeal)", 45),
    StateAct(
        "us-mt", "Montana Consumer Data Privacy Act", "Mont. Code § 30-14-2808", "Mont. Code § 30-14-2808 (appeal)"
    ),
    StateAct(
        "us-ne",
        "Nebraska Data Privacy Act",
        "Neb. Rev. Stat. § 87-1108(2)",
        "Neb. Rev. Stat. § 87-1109(3)",
        certainty=READ,
        appeal_certainty=READ,
    ),
    StateAct("us-de", "Delaware Personal Data Privacy Act", "6 Del. C. § 12D-104(c)", "6 Del. C. § 12D-104(d)"),
    StateAct("us-nh", "New Hampshire Privacy Act", "RSA 507-H:4, III", "RSA 507-H:4, IV"),
    StateAct(
        "us-nj",
        "New Jersey Data Privacy Act",
        "N.J.S.A. 56:8-166.7(a)",
        "P.L. 2023, c. 266 (appeal)",
        45,
        certainty=READ,
    ),
    StateAct(
        "us-tn",
        "Tennessee Information Protection Act",
        "Tenn. Code § 47-18-3304(b)(1)",
        "Tenn. Code § 47-18-3304(c)",
        certainty=READ,
    ),
    StateAct(
        "us-mn",
        "Minnesota Consumer Data Privacy Act",
        "Minn. Stat. § 325M.14 subd. 4",
        "Minn. Stat. § 325M.14 subd. 5",
        45,
        appeal_extended_days=105,
    ),
    StateAct(
        "us-md",
        "Maryland Online Data Privacy Act",
        "Md. Code, Com. Law § 14-4705",
        "Md. Code, Com. Law § 14-4705 (appeal)",
    ),
    StateAct(
        "us-in", "Indiana Consumer Data Protection Act", "Ind. Code § 24-15-3-1", "Ind. Code § 24-15-3-1 (appeal)"
    ),
    StateAct("us-ky", "Kentucky Consumer Data Protection Act", "KRS 367.3615", "KRS 367.3615 (appeal)"),
    StateAct(
        "us-ri",
        "Rhode Island Data Transparency and Privacy Protection Act",
        "R.I. Gen. Laws § 6-48.1-6",
        "R.I. Gen. Laws § 6-48.1-6 (appeal)",
    ),
    StateAct(
        "us-ia",
        "Iowa Consumer Data Protection Act",
        "Iowa Code § 715D.3(2)",
        "Iowa Code § 715D.3(3)",
        respond_days=90,
        extended_days=135,
        rights=_FIVE - {Right.RECTIFICATION},
    ),
)

REGIMES: tuple[Regime, ...] = tuple(act.regime() for act in _ACTS)
