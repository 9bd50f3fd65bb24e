"""The clear half of an entry as the inbox holds it: the leaf's fields that identify nobody, before the sequencer adds
the rest.

Python writes it in the leaf's own order, so that the sequencer only splices text and lets the leaf's grammar judge
the whole. The row trigger writes the same members from SQL in another order; those take the slower road through a
JSON parser.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from audit.tlog import leaf
from audit.tlog.errors import FormatError

MAX_CLEAR = 12 * 1024
"""The greatest clear half, in bytes; the digests must still fit into the leaf beside it."""

_IN_ORDER = re.compile(
    r'\{("act":"[^"]*",)("cause":[^,]*,"cls":"[^"]*",)("lane":\{[^}]*\},"obj":\{[^}]*\},)("out":"[^"]*","req":[^,]*,)("what":.*)',
    re.DOTALL,
)
_NOBODY = UUID(int=0)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Lane(NamedTuple):
    """A writer and the number of its entry in one organisation's log. A hole shows that a committed entry was taken
    away.
    """

    writer: str
    number: int


def compose(
    *,
    act: str,
    cls: str,
    out: str,
    object_type: str,
    object_id: UUID | None,
    lane: Lane,
    cause: UUID | None,
    request: str | None,
    what: Mapping[str, leaf.Clear],
    why: Mapping[str, str | None],
) -> str:
    """The clear half as text. `FormatError` where a field may not stand in a leaf."""
    _check_codes(act, cls, out, object_type)
    text = (
        f'{{"act":"{act}","cause":{_quoted(cause)},"cls":"{cls}","lane":{{"n":{lane.number},"w":"{lane.writer}"}},'
        f'"obj":{{"id":{_quoted(object_id)},"t":"{object_type}"}},"out":"{out}","req":{_quoted(request)},'
        f'"what":{leaf.clear_members(what)},"why":{leaf.clear_members(why)}}}'
    )
    if len(text) > MAX_CLEAR:
        raise FormatError(f"more than {MAX_CLEAR} bytes of clear fields in one entry")
    return text


@lru_cache(maxsize=4096)
def _check_codes(act: str, cls: str, out: str, object_type: str) -> None:
    """The vocabulary is small, so each combination is judged once a process. `FormatError` names the code at fault."""
    leaf.Leaf(
        id=_NOBODY, organisation_id=_NOBODY, at=_NEVER, act=act, cls=cls, out=out, object_type=object_type,
        object_id=None, writer="00", number=1,
    ).encode()  # fmt: skip


def complete(
    text: str,
    *,
    entry_id: UUID,
    organisation_id: UUID,
    at: datetime,
    digests: Sequence[str],
    extra: Mapping[str, leaf.Clear] | None = None,
) -> bytes:
    """The leaf's bytes, not yet checked. `at` is UTC; `digests` come in any order; `extra` joins `what`."""
    parts = _IN_ORDER.fullmatch(text) if not extra else None
    if parts is None:
        return _parse(text, entry_id, organisation_id, at, digests, extra or {}).encode()
    act, cause_cls, lane_obj, out_req, rest = parts.groups()
    sd = '"' + '","'.join(sorted(digests)) + '"' if digests else ""
    time = at.replace(tzinfo=None).isoformat(timespec="microseconds")
    return (
        f'{{"_sd":[{sd}],"_sd_alg":"sha-256",{act}"at":"{time}Z",{cause_cls}"id":"{entry_id}",{lane_obj}'
        f'"org":"{organisation_id}",{out_req}"v":1,{rest}'
    ).encode()


def _parse(
    text: str,
    entry_id: UUID,
    organisation_id: UUID,
    at: datetime,
    digests: Sequence[str],
    extra: Mapping[str, leaf.Clear],
) -> leaf.Leaf:
    try:
        fields: dict[str, Any] = json.loads(text)
        return leaf.Leaf(
            id=entry_id,
            organisation_id=organisation_id,
            at=at,
            act=fields["act"],
            cls=fields["cls"],
            out=fields["out"],
            object_type=fields["obj"]["t"],
            object_id=_uuid(fields["obj"]["id"]),
            writer=fields["lane"]["w"],
            number=fields["lane"]["n"],
            cause=_uuid(fields["cause"]),
            request=fields["req"],
            what={**fields["what"], **extra},
            why=dict(fields["why"]),
            digests=tuple(digests),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError("not the clear half of an entry") from error


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def _quoted(value: object) -> str:
    return "null" if value is None else f'"{value}"'
