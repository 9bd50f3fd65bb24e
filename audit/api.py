"""The log over HTTP: C2SP tlog-tiles for verifiers, JSON with proofs for programs.

An organisation's log is served to its own auditors only; to everybody else it does not exist. The root log is public:
it holds nothing but signed tree heads, and being seen by everybody is what it is for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access, tenancy
from accounts.actors import Actor
from accounts.errors import Invalid, NotFound
from audit import entries, events, log, proofs, publish
from audit.tlog import tiles
from audit.tlog.errors import FormatError
from audit.tlog.leaf import CLASSES
from audit.tlog.text import to_base64
from audit.tlog.tiles import Tile
from audit.tree import ROOT_LOG_ID

_MAX_PAGE = 200
_FOR_EVER = "max-age=31536000, immutable"
_SECONDS = f"max-age={int(publish.INTERVAL.total_seconds())}, must-revalidate"
_FILTERS = ("object", "cause", "act", "cls", "cursor", "limit")


class _LogFiles(APIView):
    """Files of one log. Absent, and somebody else's, look the same."""

    def read(self, request: Request, log_id: UUID) -> None:
        """404 unless the actor may read this log. The root log asks nobody who they are."""
        actor = request.auth
        if log_id == ROOT_LOG_ID:
            return
        if not isinstance(actor, Actor) or actor.organisation_id != log_id or not access.may(actor, "log.read"):
            raise Http404

    def cache(self, log_id: UUID, lifetime: str) -> str:
        """Who may keep an answer, and how long."""
        return f"{'public' if log_id == ROOT_LOG_ID else 'private'}, {lifetime}"


class CheckpointFile(_LogFiles):
    @extend_schema(operation_id="log_checkpoint", responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request, log_id: UUID = ROOT_LOG_ID) -> HttpResponse:
        """The last signed head of the log (C2SP tlog-checkpoint)."""
        self.read(request, log_id)
        with tenancy.scope(log_id):
            head = proofs.latest_checkpoint(log_id)
        if head is None:
            raise Http404
        answer = HttpResponse(head.note, content_type="text/plain; charset=utf-8")
        answer["Cache-Control"] = self.cache(log_id, _SECONDS)
        return answer


class TileFile(_LogFiles):
    @extend_schema(operation_id="log_tile", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, tile: str, log_id: UUID = ROOT_LOG_ID) -> HttpResponse:
        """A tile or an entry bundle of the published tree (C2SP tlog-tiles). What is not signed yet does not exist
        yet.
        """
        self.read(request, log_id)
        with tenancy.scope(log_id):
            data = _tile_data(log_id, f"tile/{tile}")
        answer = HttpResponse(data, content_type="application/octet-stream")
        answer["Cache-Control"] = self.cache(log_id, _FOR_EVER)
        return answer


class KeysFile(_LogFiles):
    @extend_schema(operation_id="log_keys", responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request, log_id: UUID = ROOT_LOG_ID) -> HttpResponse:
        """The log's verifier keys, one a line. Compare them with those that you were given another way."""
        self.read(request, log_id)
        lines = "".join(f"{key.vkey}\n" for key in publish.verifier_keys(log_id))
        answer = HttpResponse(lines, content_type="text/plain; charset=utf-8")
        answer["Cache-Control"] = self.cache(log_id, "max-age=3600")
        return answer


@extend_schema_view(get=extend_schema(operation_id="log_root_checkpoint"))
class RootCheckpointFile(CheckpointFile):
    authentication_classes = ()
    permission_classes = ()


@extend_schema_view(get=extend_schema(operation_id="log_root_tile"))
class RootTileFile(TileFile):
    authentication_classes = ()
    permission_classes = ()


@extend_schema_view(get=extend_schema(operation_id="log_root_keys"))
class RootKeysFile(KeysFile):
    authentication_classes = ()
    permission_classes = ()


class _EntryView(APIView):
    """Entries with what identifies opened, which is an entry itself."""

    def auditor(self, request: Request) -> Actor:
        """Who asks, if they may read the log."""
        if not isinstance(request.auth, Actor):
            raise exceptions.NotAuthenticated
        access.require(request.auth, "log.read")
        return request.auth

    def note(self, actor: Actor, obj: tuple[str, UUID | None], count: int) -> None:
        """Write down who looked at how many entries."""
        log.append(
            actor=actor,
            event=events.ENTRIES_READ,
            organisation_id=actor.organisation_id,
            obj=obj,
            cls=log.EntryClass.ACCESS,
            what={"entries": count},
        )


class Entries(_EntryView):
    @extend_schema(
        operation_id="log_entries_list",
        parameters=[
            OpenApiParameter("object", OpenApiTypes.UUID, description="id of the object"),
            OpenApiParameter("cause", OpenApiTypes.UUID, description="an entry; itself and what it caused"),
            OpenApiParameter("act", str, description="an event, or the beginning of one that ends in a dot"),
            OpenApiParameter("cls", str, enum=list(CLASSES)),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Entries of the organisation's log, newest first; `next_cursor` is null on the last page."""
        actor, asked = self.auditor(request), _Asked(request.query_params)
        with tenancy.operation(actor):
            found = entries.list_entries(
                actor.organisation_id,
                object_id=asked.uuid("object"),
                cause=asked.uuid("cause"),
                act=asked.text("act"),
                cls=asked.one_of("cls", CLASSES),
                before=asked.number("cursor", 0, 2**62),
                limit=(limit := asked.number("limit", 1, _MAX_PAGE) or 50) + 1,
            )
            page = found[:limit]
            self.note(actor, ("log", actor.organisation_id), len(page))
        cursor = str(page[-1].index) if len(found) > limit else None
        return Response({"results": [render(view) for view in page], "next_cursor": cursor})


class OneEntry(_EntryView):
    @extend_schema(operation_id="log_entries_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, entry_id: UUID) -> Response:
        """One entry with its leaf (base64), its disclosures and its inclusion proof, which is null until a head
        covers it.
        """
        actor = self.auditor(request)
        with tenancy.operation(actor):
            view = entries.read_entry(actor.organisation_id, entry_id)
            if view is None:
                raise NotFound("There is no such entry in the log")
            proof = None
            with contextlib.suppress(proofs.NotYet):
                proof = proofs.inclusion_proof(actor.organisation_id, entry_id)
            self.note(actor, ("log_entry", entry_id), 1)
        return Response(
            render(view)
            | {
                "leaf": to_base64(view.data),
                "disclosures": [field.disclosure for field in view.fields if field.disclosure],
                "proof": proof,
            }
        )


class _Asked:
    """The query's parameters; `Invalid` names the one at fault."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        unknown = sorted(set(values) - set(_FILTERS))
        if unknown:
            raise Invalid("Unknown parameters", errors={name: ["This parameter is not known."] for name in unknown})
        self._values = values

    def text(self, name: str) -> str | None:
        """As it stands, 64 characters at most."""
        value = self._values.get(name)
        if value is not None and not 1 <= len(value) <= 64:
            raise Invalid(errors={name: ["1 to 64 characters."]})
        return value

    def uuid(self, name: str) -> UUID | None:
        """An id."""
        value = self._values.get(name)
        try:
            return None if value is None else UUID(value)
        except ValueError as error:
            raise Invalid(errors={name: ["Not a UUID."]}) from error

    def number(self, name: str, least: int, most: int) -> int | None:
        """A number in a range."""
        value = self._values.get(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdecimal() or len(value) > 19 or not least <= int(value) <= most:
            raise Invalid(errors={name: [f"A number from {least} to {most}."]})
        return int(value)

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        """One of a closed list."""
        value = self._values.get(name)
        if value is not None and value not in words:
            raise Invalid(errors={name: [f"One of {', '.join(words)}."]})
        return value


def render(view: entries.EntryView) -> dict[str, Any]:
    """An entry as JSON."""
    leaf = view.leaf
    return {
        "id": str(view.id),
        "index": view.index,
        "at": leaf.at.isoformat(),
        "act": leaf.act,
        "cls": leaf.cls,
        "outcome": leaf.out,
        "object": {"type": leaf.object_type, "id": leaf.object_id and str(leaf.object_id)},
        "cause": leaf.cause and str(leaf.cause),
        "request": leaf.request,
        "what": dict(leaf.what),
        "why": dict(leaf.why),
        "fields": [
            {
                "digest": field.digest,
                "state": field.state.value,
                "name": field.name,
                "value": field.value,
                "erased_at": field.erased_at,
            }
            for field in view.fields
        ],
    }


def _tile_data(log_id: UUID, name: str) -> bytes:
    head = proofs.latest_checkpoint(log_id)
    try:
        tile = Tile.parse(name)
        whole = tiles.tile_at(max(tile.level, 0), tile.index, head.size if head else 0)
        if tile.width > whole.width:
            raise Http404
        return proofs.bundle_data(log_id, tile) if tile.level == tiles.ENTRIES else proofs.tile_data(log_id, tile)
    except (FormatError, ValueError, LookupError) as error:
        raise Http404 from error


urlpatterns = [
    path("log/root/checkpoint", RootCheckpointFile.as_view()),
    path("log/root/tile/<path:tile>", RootTileFile.as_view()),
    path("log/root/keys", RootKeysFile.as_view()),
    path("log/<uuid:log_id>/checkpoint", CheckpointFile.as_view()),
    path("log/<uuid:log_id>/tile/<path:tile>", TileFile.as_view()),
    path("log/<uuid:log_id>/keys", KeysFile.as_view()),
    path("api/v1/log/entries", Entries.as_view()),
    path("api/v1/log/entries/<uuid:entry_id>", OneEntry.as_view()),
]
