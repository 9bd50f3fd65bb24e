"""Calls with words, many at a time: sealed one by one through the vault, and indexed, as the worker would leave them.

The words are made up: agent lines from templates, caller lines drawn from a vocabulary in which a few words are common
and most are rare. About 40 turns and 3 kB a call. A rare word stands in ten calls, a medium one in every hundredth, a
frequent one in half of them. From 5,000 calls on the conversations repeat, each sealed anew under
keys of its own.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection

from accounts import tenancy
from audit.ids import uuid7
from compliance.connectors.facts import Message
from compliance.recordings import documents, wording
from compliance.recordings.models import Artifact, Call, SearchCoverage
from compliance.vault import admission, envelope, hierarchy, scopes, store
from compliance.vault.hierarchy import KeyName
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject

RARE, MEDIUM, FREQUENT = "vorpal77", "chargeback", "appointment"
DISTINCT = 5_000
_RARE_CALLS = 10
_SPOKEN = 500_000
_CHUNK = 500
_CALLS_A_PERSON = 5
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_ONSETS = (*"bcdfghklmnprstvw", "br", "ch", "cl", "gr", "pl", "sh", "st", "th", "tr")
_CODAS = ("", "n", "r", "s", "t", "l", "nd", "st")
_TEMPLATES = (
    "Thank you for calling {name}, how can I help you today?",
    "Can I have your account number please?",
    "I can see a charge of ${number}.{pence} on {name} {day}, is that the one you mean?",
    "This call is being recorded for quality and training purposes.",
    "You will get a confirmation email at {name}.{name}@example.com within the hour.",
    "The reference number is ORD-{number}{pence}, would you like me to repeat that?",
    "Is there anything else I can help you with today?",
    "Let me transfer you to the billing team, please stay on the line.",
)


# As text: a thousand numbers a call would each be looked at on their way.
_INDEX = """
    INSERT INTO recordings_searchentry (organisation_id, call_id, began_at, tokens, version)
    SELECT %s, call_id, began_at, tokens::integer[], 1
      FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS one (call_id, began_at, tokens)
"""


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation: its document, its text in lower case, and its tokens as Postgres reads them."""

    document: bytes
    text: str
    tokens: str


def conversations(count: int, blinder: store.Blinder) -> Iterator[Talk]:
    """Enough for so many calls, the same in every run."""
    draw = random.Random(7)
    calls, count = count, min(count, DISTINCT)
    rare = max(1, _RARE_CALLS * count // calls)
    vocabulary = _vocabulary(draw)
    spoken = draw.choices(vocabulary, [1 / (rank + 3) for rank in range(len(vocabulary))], k=_SPOKEN)
    for number in range(count):
        turns = [_turn(draw, vocabulary, spoken, at) for at in range(draw.randint(34, 46))]
        if number % max(1, count // rare) == 3:
            turns[5] += " The chassis plate says Qzx-Vorpal77 on it."
        if number % 100 == 3:
            turns[7] += " I would like to dispute the Chargeback with my bank."
        if number % 2:
            turns[9] += " I have scheduled the appointment, does that work?"
        messages = [Message(("agent", "user")[at % 2], text) for at, text in enumerate(turns)]
        tokens = ",".join(map(str, blinder.tokens(wording.grams_of(turns))))
        yield Talk(documents.transcript_document(messages), "\x1f".join(turns).lower(), f"{{{tokens}}}")


def add_calls(organisation_id: UUID, connection_id: UUID, talks: list[Talk], count: int) -> Iterator[list[Call]]:
    """So many calls, an hour apart, with these conversations in turn; each chunk after it is committed."""
    for first in range(0, count, _CHUNK):
        chunk = [(number, talks[number % len(talks)]) for number in range(first, min(count, first + _CHUNK))]
        yield _add(organisation_id, connection_id, chunk)


def mark_whole(organisation_id: UUID) -> None:
    """The index says that it is complete."""
    with tenancy.scope(organisation_id):
        SearchCoverage.objects.create(organisation_id=organisation_id, finished_at=_BEGAN)


def _add(organisation_id: UUID, connection_id: UUID, chunk: list[tuple[int, Talk]]) -> list[Call]:
    calls = [
        Call(
            organisation_id=organisation_id,
            connection_id=connection_id,
            external_id=f"call_{number}",
            external_digest=uuid4().bytes * 2,
            started_at=_BEGAN + timedelta(hours=number),
        )
        for number, _ in chunk
    ]
    people = [uuid4() for _ in range(0, len(chunk), _CALLS_A_PERSON)]
    wanted = [scopes.call(call.id, [people[at // _CALLS_A_PERSON]]) for at, call in enumerate(calls)]
    with tenancy.scope(organisation_id):
        names = {name for scope in wanted for name in admission.names_of(scope)}
        admission.admit(organisation_id, names)
        keys = {name: material.key for name, material in custody.load(organisation_id, names).items()}
        documents_of = [talk.document for _, talk in chunk]
        sealed = [_sealed(organisation_id, *one, keys) for one in zip(wanted, documents_of, strict=True)]
        Call.objects.bulk_create(calls)
        SealedObject.objects.bulk_create(sealed)
        Artifact.objects.bulk_create(
            Artifact(organisation_id=organisation_id, call=call, kind="transcript", state="stored", object=one)
            for call, one in zip(calls, sealed, strict=True)
        )
        with connection.cursor() as cursor:
            beginnings = [_BEGAN + timedelta(hours=number) for number, _ in chunk]
            tokens = [talk.tokens for _, talk in chunk]
            cursor.execute(_INDEX, [organisation_id, [call.id for call in calls], beginnings, tokens])
    return calls


def _sealed(organisation_id: UUID, scope: scopes.Scope, document: bytes, keys: dict[KeyName, bytes]) -> SealedObject:
    """As `store.put_inline` does it, without its row: many are written at once."""
    own, *principals = admission.names_of(scope)
    id_, kind, data_key = uuid7(), scopes.ObjectKind.TRANSCRIPT, hierarchy.new_key()
    context = envelope.object_context(
        organisation_id=organisation_id, scope_id=scope.id, object_id=id_, kind=kind, version=1
    )
    sealing = envelope.Sealing(data_key, context)
    inline = b"".join(bytes(piece) for piece in sealing.pieces(io.BytesIO(document).readinto, size=len(document)))
    place = hierarchy.DataKeyPlace(
        organisation_id=organisation_id,
        scope_id=scope.id,
        object_id=id_,
        kind=kind,
        version=1,
        size=len(document),
        length=len(inline),
        header=sealing.header,
    )
    subjects = {name.scope_id: keys[name] for name in principals}
    key = hierarchy.wrapping_key(keys[own], subjects, organisation_id=organisation_id, scope_id=scope.id)
    return SealedObject(
        id=id_,
        organisation_id=organisation_id,
        scope_kind=int(scope.kind),
        scope_id=scope.id,
        principals=list(scope.principals),
        kind=int(kind),
        inline=inline,
        header=sealing.header,
        size=len(document),
        ciphertext_length=len(inline),
        wrapped_dek=hierarchy.wrap_data_key(key, place, data_key),
        media_type="application/json",
    )


def _vocabulary(draw: random.Random) -> list[str]:
    def syllable() -> str:
        return f"{draw.choice(_ONSETS)}{draw.choice('aeiouy')}{draw.choice(_CODAS)}"

    words = {"".join(syllable() for _ in range(draw.choice((1, 1, 2, 2, 3)))) for _ in range(40_000)}
    return sorted(words, key=lambda word: (len(word) + draw.random() * 8, word))


def _turn(draw: random.Random, vocabulary: list[str], spoken: list[str], at: int) -> str:
    if at % 2 == 0 and draw.random() < 0.6:
        name, day = draw.choice(vocabulary).title(), draw.choice(vocabulary)
        return draw.choice(_TEMPLATES).format(
            name=name, number=draw.randint(5, 9_000), pence=draw.randint(10, 99), day=day
        )
    first = draw.randrange(_SPOKEN - 24)
    return " ".join(spoken[first : first + draw.randint(5, 24)]).capitalize() + "."
