"""Names of sealed columns.

They are part of the seal, so that a value cannot be moved to another row or column. Pure.
"""

from __future__ import annotations

from uuid import UUID


def facts(call_id: UUID) -> str:
    """`Call.sealed_facts`, under the call."""
    return f"call.facts/{call_id}"


def source(artifact_id: UUID) -> str:
    """`Artifact.sealed_source`, under the call."""
    return f"artifact.source/{artifact_id}"


def cipher(artifact_id: UUID) -> str:
    """`Artifact.sealed_cipher`, under the call."""
    return f"artifact.cipher/{artifact_id}"


def probe(location_id: UUID) -> str:
    """`Location.sealed_probe`, under the location."""
    return f"location.probe/{location_id}"


def insights(artifact_id: UUID) -> str:
    """`CallInsights.sealed`, under the call: bound to the transcript that it is about."""
    return f"call_insights.sealed/{artifact_id}"


def identifier(identifier_id: UUID) -> str:
    """`SubjectIdentifier.sealed_value`, under the subject."""
    return f"subject_identifier.value/{identifier_id}"


def name(subject_id: UUID) -> str:
    """`DataSubject.sealed_name`, under the subject."""
    return f"data_subject.name/{subject_id}"
