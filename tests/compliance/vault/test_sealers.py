"""The log's sealer: an inbox key a day that can be ended, disclosures under a person's key or the organisation's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine

from accounts import tenancy
from accounts.tenancy import DEPLOYMENT_ID
from audit import sealing
from audit.ids import uuid7
from compliance.vault import destruction, scopes, sealers, store
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Key
from compliance.vault.sealers import VaultSealer
from tests.compliance.vault.conftest import make_organisation, rolled_back
from tests.database import Databases

ENTRY = uuid7()
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def sealer() -> VaultSealer:
    """As a new process has it."""
    return VaultSealer()


@pytest.fixture
def committed(committed_db: Databases) -> UUID:
    """An organisation in databases where the test really commits."""
    return make_organisation()


def _end(organisation_id: UUID, subject_id: UUID) -> None:
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, [scopes.subject(subject_id)], ground="erasure", cause=uuid7())


def test_the_vault_registers_its_sealer() -> None:
    assert isinstance(sealing.current(), VaultSealer)


# --- the inbox ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_inbox_entry_comes_back(sealer: VaultSealer) -> None:
    sealed = sealer.seal_inbox(entry_id=ENTRY, plaintext=b"who and from where")
    custody.forget()
    other = VaultSealer()
    assert other.open_inbox(key_id=sealed.key_id, entry_id=ENTRY, data=sealed.data) == b"who and from where"
    assert b"who" not in sealed.data


@pytest.mark.django_db
def test_an_inbox_entry_opens_only_as_itself(sealer: VaultSealer) -> None:
    sealed = sealer.seal_inbox(entry_id=ENTRY, plaintext=b"words")
    with pytest.raises(sealing.Unreadable):
        sealer.open_inbox(key_id=sealed.key_id, entry_id=uuid7(), data=sealed.data)


@pytest.mark.django_db
def test_each_day_has_its_key(sealer: VaultSealer) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first = sealer.seal_inbox(entry_id=ENTRY, plaintext=b"1").key_id
        again = sealer.seal_inbox(entry_id=ENTRY, plaintext=b"2").key_id
        clock.move_to(NOON + timedelta(days=1))
        next_day = sealer.seal_inbox(entry_id=ENTRY, plaintext=b"3").key_id
    assert first == again != next_day


@pytest.mark.django_db
def test_destroyed_days_do_not_open_and_others_do(sealer: VaultSealer) -> None:
    sealed = []
    with time_machine.travel(NOON, tick=False) as clock:
        for day in range(3):
            clock.move_to(NOON + timedelta(days=day))
            sealed.append(sealer.seal_inbox(entry_id=ENTRY, plaintext=b"words"))
        assert sealer.destroy_inbox_keys(before=date(2026, 11, 24)) == 2
        assert sealer.destroy_inbox_keys(before=date(2026, 11, 24)) == 0
        for process in (sealer, VaultSealer()):
            for gone in sealed[:2]:
                with pytest.raises(sealing.Destroyed):
                    process.open_inbox(key_id=gone.key_id, entry_id=ENTRY, data=gone.data)
            assert process.open_inbox(key_id=sealed[2].key_id, entry_id=ENTRY, data=sealed[2].data) == b"words"


@pytest.mark.django_db
def test_a_key_that_is_no_inbox_key_opens_no_inbox(sealer: VaultSealer, organisation_id: UUID) -> None:
    sealed = sealer.seal_disclosure(
        organisation_id=DEPLOYMENT_ID, subject_id=None, entry_id=ENTRY, name="who", plaintext=b"x"
    )
    with pytest.raises(sealing.Destroyed):
        sealer.open_inbox(key_id=sealed.key_id, entry_id=ENTRY, data=sealed.data)
    with pytest.raises(sealing.Destroyed):
        sealer.open_inbox(key_id=uuid4(), entry_id=ENTRY, data=sealed.data)


def test_an_inbox_key_outlives_the_callers_rollback(sealer: VaultSealer, committed: UUID) -> None:
    with rolled_back(committed):
        sealed = sealer.seal_inbox(entry_id=ENTRY, plaintext=b"words")
    custody.forget()
    assert VaultSealer().open_inbox(key_id=sealed.key_id, entry_id=ENTRY, data=sealed.data) == b"words"


@pytest.mark.django_db
def test_only_the_first_inbox_seal_costs_queries(sealer: VaultSealer, django_assert_num_queries: Any) -> None:
    sealer.seal_inbox(entry_id=ENTRY, plaintext=b"first")
    for alias in ("default", "keys"):
        with django_assert_num_queries(0, using=alias):
            sealer.seal_inbox(entry_id=ENTRY, plaintext=b"second")


# --- disclosures ----------------------------------------------------------------------------------------


def _disclose(sealer: VaultSealer, organisation_id: UUID, subject_id: UUID | None) -> sealing.Sealed:
    return sealer.seal_disclosure(
        organisation_id=organisation_id, subject_id=subject_id, entry_id=ENTRY, name="details", plaintext=b"words"
    )


def _open(sealer: VaultSealer, organisation_id: UUID, subject_id: UUID | None, sealed: sealing.Sealed) -> bytes:
    return sealer.open_disclosure(
        organisation_id=organisation_id,
        subject_id=subject_id,
        key_id=sealed.key_id,
        entry_id=ENTRY,
        name="details",
        data=sealed.data,
    )


@pytest.mark.parametrize("subject_id", [None, uuid4()], ids=["organisation", "subject"])
def test_a_disclosure_comes_back(sealer: VaultSealer, organisation_id: UUID, subject_id: UUID | None) -> None:
    sealed = _disclose(sealer, organisation_id, subject_id)
    custody.forget()
    assert _open(VaultSealer(), organisation_id, subject_id, sealed) == b"words"


@pytest.mark.django_db
def test_the_deployment_has_disclosures_too(sealer: VaultSealer) -> None:
    assert _open(sealer, DEPLOYMENT_ID, None, _disclose(sealer, DEPLOYMENT_ID, None)) == b"words"


@pytest.mark.parametrize("changed", ["entry_id", "name", "subject_id", "organisation_id", "key_id"])
def test_a_disclosure_opens_only_in_its_place(
    sealer: VaultSealer, organisation_id: UUID, other_organisation_id: UUID, changed: str
) -> None:
    subject, other = uuid4(), uuid4()
    sealed = _disclose(sealer, organisation_id, subject)
    _disclose(sealer, organisation_id, other)
    _disclose(sealer, other_organisation_id, subject)
    place: dict[str, Any] = {
        "organisation_id": organisation_id,
        "subject_id": subject,
        "key_id": sealed.key_id,
        "entry_id": ENTRY,
        "name": "details",
    }
    elsewhere: dict[str, Any] = {
        "organisation_id": other_organisation_id,
        "subject_id": other,
        "key_id": uuid4(),
        "entry_id": uuid7(),
        "name": "who",
    }
    with pytest.raises((sealing.Unreadable, sealing.Destroyed)):
        sealer.open_disclosure(**place | {changed: elsewhere[changed]}, data=sealed.data)


def test_an_erased_persons_disclosures_are_gone_at_once(sealer: VaultSealer, organisation_id: UUID) -> None:
    subject = uuid4()
    sealed, organisations = _disclose(sealer, organisation_id, subject), _disclose(sealer, organisation_id, None)
    _end(organisation_id, subject)
    with pytest.raises(sealing.Destroyed):
        _open(sealer, organisation_id, subject, sealed)
    with pytest.raises(sealing.Destroyed):
        _disclose(VaultSealer(), organisation_id, subject)
    assert _open(sealer, organisation_id, None, organisations) == b"words"


def test_committed_keys_cost_no_more_queries(
    sealer: VaultSealer, committed: UUID, django_assert_num_queries: Any
) -> None:
    subject = uuid4()
    _disclose(sealer, committed, subject)
    for alias in ("default", "keys"):
        with django_assert_num_queries(0, using=alias):
            _disclose(sealer, committed, subject)


def test_a_rolled_back_use_is_asked_for_again(sealer: VaultSealer, committed: UUID) -> None:
    """A key at hand whose use was rolled back would be swept after a day, with everything sealed under it."""
    subject = uuid4()
    with rolled_back(committed):
        _disclose(sealer, committed, subject)
    sealed = _disclose(sealer, committed, subject)
    later = datetime.now(UTC) + timedelta(hours=25)
    assert destruction.sweep_orphans(committed, now=later) == 0
    custody.forget()
    assert _open(sealer, committed, subject, sealed) == b"words"


@pytest.mark.django_db
def test_a_key_service_that_does_not_answer(sealer: VaultSealer, settings: Any, tmp_path: Path) -> None:
    settings.KEYRING_FILE = tmp_path / "none.json"
    with pytest.raises(sealing.SealerUnavailable):
        sealer.seal_inbox(entry_id=ENTRY, plaintext=b"words")
    assert not Key.objects.for_organisation(DEPLOYMENT_ID).exists()


def test_days_sort_by_their_names() -> None:
    days = [date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2)]
    ids = [sealers.inbox_name(day).scope_id for day in days]
    assert ids == sorted(ids)
    assert len(set(ids)) == 3
