"""What the register keeps of people: every artifact of their calls."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from compliance.recordings import access, people


class RegisterHolding:
    """Recordings, transcripts, summaries, copies and raw bodies of calls in which a person took part."""

    name = "recordings"

    def locate(self, organisation_id: UUID, subject_ids: Sequence[UUID]) -> Sequence[UUID]:
        """By the parties of calls, so that nothing needs to be opened."""
        calls = people.calls_of_subjects(organisation_id, subject_ids)
        rows = access.artifacts(organisation_id).filter(call_id__in=calls).order_by("id")
        return list(rows.values_list("id", flat=True))
