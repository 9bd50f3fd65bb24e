"""A platform that confirmed a deletion and still has the call: asked for, where the call stays here."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts import tenancy
from compliance.reconciliation import access, operations
from compliance.recordings import access as register
from compliance.retention import disposal
from tests.compliance.retention.platform import Account
from tests.compliance.retention.platform import account as account
from tests.compliance.retention.platform import far_end as far_end


def dispose_of_all(account: Account, call_id: UUID) -> None:
    """By a schedule: the call stays, its artifacts and the platform's originals go."""
    with tenancy.scope(account.organisation_id):
        ids = [one.id for one in register.artifacts_of(account.organisation_id, call_id)]
    account.media.files.clear()
    disposal.begin_artifact_disposal(actor=account.clock, artifact_ids=ids, ground=disposal.Ground.RETENTION_EXPIRED)
    account.jobs.drain()
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}


def forget_checks(account: Account) -> None:
    with tenancy.scope(account.organisation_id):
        register.locations(account.organisation_id).update(checked_at=timezone.now() - timedelta(days=2))


def test_a_call_that_came_back_is_found(account: Account) -> None:
    call_id, _other = account.call("call-1"), account.call("call-2")
    dispose_of_all(account, call_id)
    asked = len(account.far_end.asked)
    assert operations.probe_platforms(actor=account.clock) == 0  # confirmed just now
    forget_checks(account)
    assert operations.probe_platforms(actor=account.clock) == 0
    assert account.far_end.asked[asked:] == ["GET call-1"]  # the other one was never deleted
    assert operations.probe_platforms(actor=account.clock) == 0
    assert len(account.far_end.asked) == asked + 1  # others first
    account.far_end.calls.add("call-1")
    forget_checks(account)
    assert operations.probe_platforms(actor=account.clock) == 1
    with tenancy.scope(account.organisation_id):
        (finding,) = access.findings(account.organisation_id)
    assert (finding.kind, finding.thing, finding.facts) == (
        "vendor_undead", f"recordings_call/{call_id}", {"how": "asked"},
    )  # fmt: skip


def test_silence_says_nothing(account: Account) -> None:
    dispose_of_all(account, account.call("call-1"))
    forget_checks(account)
    account.far_end.moods += [500, 500, 500, 500]
    assert operations.probe_platforms(actor=account.clock) == 0
    with tenancy.scope(account.organisation_id):
        assert not access.findings(account.organisation_id).exists()
        assert register.locations(account.organisation_id).filter(checked_at__lt=timezone.now() - timedelta(days=1))
