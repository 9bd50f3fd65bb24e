"""Files of calls that exist already: a folder's or a bucket's, as a manifest lists them.

What can go wrong: the command dies half-way and the second one starts again, or skips what the first had only begun; a
file is another than the manifest says; an erased call comes back; a copy in clear is left somewhere. So each line is a
row that leaves "waiting" only in the transaction that counts it; what a line brings can be brought twice; a file's hash
is looked at before it is taken in; and the bytes go from the source into the vault in pieces.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as connectors
from compliance.connectors.facts import CallFacts, RecordingFacts
from compliance.connectors.providers.base import Unparseable
from compliance.errors import Gone, NotFound, Refusal
from compliance.intake import access, events, manifests
from compliance.intake.manifests import Line
from compliance.intake.models import ImportItem, ImportRun
from compliance.intake.operations import runs
from compliance.intake.operations.runs import Tally
from compliance.intake.sources import Source, SourceError
from compliance.recordings import access as register
from compliance.recordings.operations import fetching, registering
from compliance.recordings.states import ArtifactState
from compliance.vault import store

BATCH = 500
"""Lines that are noted in one transaction."""
WAITING = "waiting"
_DISPOSED = frozenset({ArtifactState.DELETING, ArtifactState.DELETE_FAILED, ArtifactState.DELETED})


def start_import(
    *, actor: Actor, connection_id: UUID, kind: ImportRun.Kind, source: str, manifest_sha256: str, total: int
) -> ImportRun:
    """Begin the import of a manifest's files, or take up the one of the same manifest that did not come to its end."""
    rights.require(actor, "intake.import")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        rows = connectors.connections_of(organisation_id).select_for_update()
        if not rows.filter(id=connection_id).exists():
            raise NotFound()
        digest = store.fingerprint(organisation_id, "import_manifest", manifest_sha256).hex()
        known = access.imports(organisation_id).filter(connection_id=connection_id, kind=kind.value, cursor=digest)
        run = known.exclude(state=ImportRun.State.FINISHED).first()
        event = events.IMPORT_RESUMED if run else events.IMPORT_STARTED
        run = run or ImportRun(
            organisation_id=organisation_id, connection_id=connection_id, kind=kind.value, cursor=digest
        )
        run.state, run.last_code, run.finished_at = ImportRun.State.RUNNING.value, "", None
        run.source, run.total = source[:400], total
        run.started_by = run.started_by or actor.reference
        run.save()
        runs.note_run(actor, event, run, total=total)
    return run


def plan_lines(*, actor: Actor, run_id: UUID, lines: Sequence[Line]) -> set[int]:
    """Note these lines, as far as they are not noted yet; the numbers of those that are still to be taken in."""
    rights.require(actor, "intake.import")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        run = access.import_of(organisation_id, run_id)
        rows = [
            ImportItem(
                organisation_id=organisation_id,
                run=run,
                number=line.number,
                digest=store.fingerprint(organisation_id, "import_line", line.digest.hex()),
            )
            for line in lines
        ]
        ImportItem.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
        waiting = access.import_items(organisation_id, run_id).filter(state=WAITING)
        return set(waiting.filter(number__in=[line.number for line in lines]).values_list("number", flat=True))


def import_line(*, actor: Actor, run_id: UUID, line: Line, source: Source) -> bool:
    """Take in one line. False where the run was stopped: then nothing more is to be taken in.

    Must be called outside a transaction; may run twice. Raises SourceError where the whole source does not answer.
    """
    rights.require(actor, "recordings.register")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        run = access.import_of(organisation_id, run_id)
        is_erased = registering.erased_call(organisation_id, run.connection_id, line.facts.external_id)
    if run.state != ImportRun.State.RUNNING:
        return False
    result = _Result("refused", "call_erased") if is_erased else _taken_in(_Work(actor, run, line, source))
    with tenancy.operation(actor):
        item = access.import_items(organisation_id, run_id).filter(number=line.number, state=WAITING)
        if item.update(state=result.state, code=result.code[:64], call_id=result.call_id):
            runs.count(organisation_id, run_id, _TALLIES[result.state])
    return True


_TALLIES = {
    "done": Tally(seen=1, registered=1),
    "known": Tally(seen=1, known=1),
    "refused": Tally(seen=1, refused=1),
    "failed": Tally(seen=1, failed=1),
}


def finish_import(*, actor: Actor, run_id: UUID, code: str = "") -> ImportRun:
    """The end of a run: well where no line waits any more, else with the code of what stood in the way."""
    rights.require(actor, "intake.import")
    with tenancy.operation(actor):
        run = runs.locked_run(actor, run_id)
        if run.state != ImportRun.State.RUNNING:
            return run
        is_done = not code and not access.import_items(actor.organisation_id, run_id).filter(state=WAITING).exists()
        state = ImportRun.State.FINISHED if is_done else ImportRun.State.FAILED
        runs.end_run(actor, run, state, "" if is_done else code or "lines_left")
    return run


@dataclass(frozen=True, slots=True)
class _Work:
    """One line to be taken in."""

    actor: Actor
    run: ImportRun
    line: Line
    source: Source


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of a line: `state` as an item's, why, and its call."""

    state: str
    code: str = ""
    call_id: UUID | None = None


class _OtherBytes(Exception):
    """A file is not the one that the manifest speaks of."""


def _taken_in(work: _Work) -> _Result:
    line = work.line
    try:
        facts = _with_words(line, work.source)
        _require_hash(line, work.source)
        call = registering.register_call(
            actor=work.actor, connection_id=work.run.connection_id, facts=facts, received_at=timezone.now()
        )
        # What this run brought in before its worker died is the run's, not known from before.
        result = _Result("done" if call.registered_at >= work.run.started_at else "known", call_id=call.id)
        return result if line.recording is None else _with_sound(work, result, line.recording)
    except SourceError as error:
        if error.code == "unavailable":
            raise
        return _Result("failed", error.code)
    except Unparseable as error:
        return _Result("failed", f"transcript_{error.code}")
    except _OtherBytes:
        return _Result("failed", "hash_mismatch")
    except Gone as refusal:
        return _Result("refused", refusal.code)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return _Result("failed", refusal.code)


def _with_words(line: Line, source: Source) -> CallFacts:
    if line.transcript_path is None:
        return line.facts
    document = bytearray()
    with closing(source.pieces(line.transcript_path)) as pieces:
        for piece in pieces:
            document += piece
            if len(document) > manifests.MAX_TRANSCRIPT:
                raise Unparseable("too_long")
    return dataclasses.replace(line.facts, transcript=manifests.read_transcript(bytes(document)))


def _require_hash(line: Line, source: Source) -> None:
    """Before anything is registered: a slip in the manifest must not leave a quarantined recording behind."""
    announced = line.recording.announced_hash if line.recording else None
    if announced and f"sha256:{_sha256(line, source)}" != announced:
        raise _OtherBytes


def _sha256(line: Line, source: Source) -> str:
    found = hashlib.sha256()
    with closing(source.pieces(line.audio or "")) as pieces:
        for piece in pieces:
            found.update(piece)
    return found.hexdigest()


def _with_sound(work: _Work, so_far: _Result, recording: RecordingFacts) -> _Result:
    """The recording into the vault."""
    organisation_id, line, call_id = work.actor.organisation_id, work.line, so_far.call_id
    if call_id is None or line.audio is None:
        return so_far
    with closing(work.source.pieces(line.audio)) as pieces:
        artifact_id, outcome = fetching.take_in_recording(
            actor=work.actor, call_id=call_id, recording=recording, chunks=pieces
        )
    if outcome.state is ArtifactState.STORED and not outcome.code:  # by us, now
        return _Result("done", call_id=call_id)
    with tenancy.scope(organisation_id):
        artifact = register.artifact_of(organisation_id, artifact_id)
    if artifact.state in register.READABLE:
        if outcome.code and artifact.sha256 != _sha256(line, work.source):
            return _Result("failed", "other_content", call_id)  # another recording of the kind is stored, and stays
        is_new = artifact.stored_at is not None and artifact.stored_at >= work.run.started_at
        return _Result("done" if is_new else so_far.state, call_id=call_id)
    if outcome.state in _DISPOSED:
        return _Result("refused", "disposed_of", call_id)
    return _Result("failed", outcome.code or outcome.state.value, call_id)
