"""What the API takes and gives of requests: the shapes, and how a row becomes one. No shape has a value that
identifies.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from rest_framework import serializers

from compliance import law
from compliance.dsr import access
from compliance.dsr.models import (
    Certificate,
    ClaimedIdentity,
    OutboundMail,
    Package,
    PlanItem,
    RequestRight,
    SubjectRequest,
)
from compliance.dsr.states import GROUNDS, Decision, Ground, Outcome, Reason, State
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.states import ArtifactKind, ArtifactState
from compliance.rest import StrictSerializer

# The schema's settings name the public ones.
RIGHTS = [right.value for right in law.Right]
IDENTIFIER_KINDS = [kind.value for kind in IdentifierKind]
ARTIFACT_STATES = [state.value for state in ArtifactState]
STATES = [state.value for state in State]
_DECISIONS = [decision.value for decision in Decision]
EXEMPTIONS = [ground.value for ground in Ground]
REASONS = [reason.value for reason in Reason]

# --- in ---------------------------------------------------------------------------------------------------------------


class IdentityInput(StrictSerializer):
    kind = serializers.ChoiceField(IDENTIFIER_KINDS)
    value = serializers.CharField(max_length=320)


class PersonInput(StrictSerializer):
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    email = serializers.EmailField(required=False, allow_blank=True, default="")


class RequestInput(StrictSerializer):
    rights = serializers.ListField(child=serializers.ChoiceField(RIGHTS), min_length=1)
    regime = serializers.ChoiceField(sorted(law.REGIMES))
    place = serializers.CharField(max_length=6, help_text="ISO 3166 with subdivision, such as DE-BY or US-CA")
    identities = IdentityInput(many=True)
    person = PersonInput(required=False)
    received_at = serializers.DateTimeField(required=False, help_text="when the person asked; now, if left out")


class CodeInput(StrictSerializer):
    claim = serializers.UUIDField(help_text="id of one of the request's identities")


class VerifyInput(StrictSerializer):
    """Exactly one of the two."""

    code = serializers.CharField(max_length=16, required=False)
    evidence = serializers.CharField(max_length=2000, required=False)


class DecisionInput(StrictSerializer):
    decision = serializers.ChoiceField(_DECISIONS)
    ground = serializers.ChoiceField(EXEMPTIONS, required=False, allow_null=True, default=None)


class ApproveInput(StrictSerializer):
    plan_digest = serializers.CharField(min_length=64, max_length=64, help_text="of the plan that was read")


class DenyInput(StrictSerializer):
    reason = serializers.ChoiceField(REASONS)
    explanation = serializers.CharField(max_length=4000, help_text="to the person; sealed with the request")


# --- out --------------------------------------------------------------------------------------------------------------


class RequestRightSerializer(serializers.Serializer[Any]):
    right = serializers.ChoiceField(RIGHTS)
    acknowledge_by = serializers.DateField(allow_null=True)
    respond_by = serializers.DateField()
    extended_respond_by = serializers.DateField(allow_null=True)
    explanation = serializers.ListField(child=serializers.CharField(), help_text="each date with its rule")
    outcome = serializers.ChoiceField([one.value for one in Outcome], allow_null=True)


class IdentitySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(IDENTIFIER_KINDS)
    is_verified = serializers.BooleanField()


class PlanStandingSerializer(serializers.Serializer[Any]):
    digest = serializers.CharField(allow_null=True, help_text="SHA-256; null until it is proposed")
    proposed_by = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(allow_null=True)


class CertificateSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    is_final = serializers.BooleanField(help_text="whether no deletion debt is left")
    sha256 = serializers.CharField()
    issued_at = serializers.DateTimeField()


class PackageSerializer(serializers.Serializer[Any]):
    sha256 = serializers.CharField()
    expires_at = serializers.DateTimeField()
    downloads = serializers.IntegerField()


class RequestSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    reference = serializers.CharField(help_text="what the person quotes")
    state = serializers.ChoiceField(STATES)
    reason = serializers.ChoiceField(REASONS, allow_null=True)
    regime = serializers.CharField()
    place = serializers.CharField()
    received_at = serializers.DateTimeField()
    received_on = serializers.DateField(help_text="the civil day from which periods run")
    rights = RequestRightSerializer(many=True)
    identities = IdentitySerializer(many=True)
    verified_by = serializers.CharField(allow_null=True, help_text="one_time_code or officer")
    is_located = serializers.BooleanField()
    plan = PlanStandingSerializer()
    certificates = CertificateSerializer(many=True)
    packages = PackageSerializer(many=True)
    fulfilled_at = serializers.DateTimeField(allow_null=True)


class RequestPageSerializer(serializers.Serializer[Any]):
    results = RequestSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class PlanItemSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    right = serializers.ChoiceField(RIGHTS)
    call = serializers.UUIDField()
    artifact = serializers.UUIDField()
    kind = serializers.ChoiceField([kind.value for kind in ArtifactKind])
    state = serializers.ChoiceField(ARTIFACT_STATES)
    matched_by = serializers.ListField(child=serializers.CharField(), help_text="kinds of identifier that led here")
    decision = serializers.ChoiceField(_DECISIONS)
    ground = serializers.ChoiceField(EXEMPTIONS, allow_null=True)
    why = serializers.CharField(allow_null=True, help_text="the ground in words, with its article")
    result = serializers.CharField(allow_null=True, help_text="delivered, erased, kept, awaiting_platform")


class PlanSerializer(serializers.Serializer[Any]):
    plan_digest = serializers.CharField()
    is_proposed = serializers.BooleanField()
    calls = serializers.IntegerField()
    items = PlanItemSerializer(many=True)


class LetterSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    template = serializers.CharField()
    state = serializers.ChoiceField(OutboundMail.State.choices)
    created_at = serializers.DateTimeField()


class LettersSerializer(serializers.Serializer[Any]):
    results = LetterSerializer(many=True)


class OpenedLetterSerializer(serializers.Serializer[Any]):
    template = serializers.CharField()
    to = serializers.CharField()
    subject = serializers.CharField()
    body = serializers.CharField()


class ProvenEntrySerializer(serializers.Serializer[Any]):
    leaf = serializers.CharField(help_text="the entry's bytes, base64")
    proof = serializers.CharField(help_text="C2SP tlog-proof")


class StatementSerializer(serializers.Serializer[Any]):
    """`callwarden-statement/v1`: see docs/formats/log.md."""

    format = serializers.CharField()
    note = serializers.CharField(help_text="C2SP signed note")
    body = serializers.DictField()
    entries = ProvenEntrySerializer(many=True)
    disclosures = serializers.ListField(child=serializers.CharField())


# --- from rows --------------------------------------------------------------------------------------------------------


def request(row: SubjectRequest) -> dict[str, Any]:
    """A request for programs."""
    return {
        "id": str(row.id),
        "reference": row.reference,
        "state": row.state,
        "reason": row.reason or None,
        "regime": row.regime,
        "place": row.place,
        "received_at": row.received_at.isoformat(),
        "received_on": row.received_on.isoformat(),
        "rights": [_right(one) for one in access.rights_of(row)],
        "identities": [_identity(one) for one in access.claims_of(row)],
        "verified_by": row.verified_by or None,
        "is_located": row.located_at is not None,
        "plan": {
            "digest": row.plan_digest or None,
            "proposed_by": row.proposed_by or None,
            "approved_by": row.approved_by or None,
        },
        "certificates": [_certificate(one) for one in access.certificates_of(row)],
        "packages": [_package(one) for one in access.packages_of(row)],
        "fulfilled_at": _iso(row.fulfilled_at),
    }


def plan_item(row: PlanItem) -> dict[str, Any]:
    """One line of a plan."""
    rule = GROUNDS[Ground(row.ground)] if row.ground else None
    return {
        "id": str(row.id),
        "right": row.right,
        "call": str(row.call_id),
        "artifact": str(row.artifact_id),
        "kind": row.artifact.kind,
        "state": row.artifact.state,
        "matched_by": row.matched_by,
        "decision": row.decision,
        "ground": row.ground or None,
        "why": f"{rule.text} ({rule.article})" if rule else None,
        "result": row.result or None,
    }


def letter(row: OutboundMail) -> dict[str, Any]:
    """A letter without its words."""
    return {"id": str(row.id), "template": row.template, "state": row.state, "created_at": row.created_at.isoformat()}


def _right(row: RequestRight) -> dict[str, Any]:
    return {
        "right": row.right,
        "acknowledge_by": _iso(row.acknowledge_by),
        "respond_by": _iso(row.respond_by),
        "extended_respond_by": _iso(row.extended_respond_by),
        "explanation": row.explanation,
        "outcome": row.outcome or None,
    }


def _identity(row: ClaimedIdentity) -> dict[str, Any]:
    return {"id": str(row.id), "kind": row.kind, "is_verified": row.verified_at is not None}


def _certificate(row: Certificate) -> dict[str, Any]:
    return {
        "number": row.number,
        "is_final": row.is_final,
        "sha256": row.sha256,
        "issued_at": row.issued_at.isoformat(),
    }


def _package(row: Package) -> dict[str, Any]:
    return {"sha256": row.sha256, "expires_at": row.expires_at.isoformat(), "downloads": row.downloads}


def _iso(moment: date | datetime | None) -> str | None:
    return moment.isoformat() if moment else None
