"""/api/v1/downloads: an organisation takes its own data along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.errors import Invalid, NotFound
from compliance.recordings import access, call_filters
from compliance.recordings.downloads import stream_download
from compliance.recordings.models import Download, DownloadItem
from compliance.recordings.operations import downloads

_CURSOR = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]


class NewDownloadSerializer(rest.StrictSerializer):
    purpose = serializers.CharField(max_length=100, required=False, help_text="needed unless the key has a default")
    calls = serializers.DictField(
        child=serializers.CharField(), help_text=f"which calls, by {', '.join(call_filters.NAMES)}; {{}} means all"
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=downloads.KINDS), required=False, help_text="all of these, where left out"
    )


class DownloadSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    purpose = serializers.CharField()
    filters = serializers.DictField()
    state = serializers.CharField(help_text=" | ".join(Download.State.values))
    items = serializers.IntegerField(help_text="files")
    size = serializers.IntegerField(help_text="bytes")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class DownloadPageSerializer(serializers.Serializer[Any]):
    results = DownloadSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class DownloadItemSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    artifact_id = serializers.UUIDField()
    call_id = serializers.UUIDField()
    kind = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField(help_text="why it was left out")


class DownloadItemPageSerializer(serializers.Serializer[Any]):
    results = DownloadItemSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def _download(row: Download) -> dict[str, Any]:
    plain = ("id", "purpose", "filters", "state", "items", "size", "created_at", "expires_at", "finished_at")
    return {name: getattr(row, name) for name in plain}


def _item(row: DownloadItem) -> dict[str, Any]:
    return {
        "number": row.number,
        "artifact_id": row.artifact_id,
        "call_id": row.artifact.call_id,
        "kind": row.artifact.kind,
        "sha256": row.artifact.sha256,
        "size": row.artifact.size,
        "sent_at": row.sent_at,
        "code": row.code,
    }


class DownloadsView(rest.OrganisationView):
    @extend_schema(operation_id="downloads_list", parameters=_CURSOR, responses=DownloadPageSerializer)
    def get(self, request: Request) -> Response:
        """The organisation's batch downloads, newest first."""
        rights.require(self.actor(), "recordings.read")
        return rest.page_of(request, access.downloads(self.actor().organisation_id), _download)

    @extend_schema(operation_id="downloads_create", request=NewDownloadSerializer, responses={201: DownloadSerializer})
    def post(self, request: Request) -> rest.Written:
        """Fix what a download holds. Fetch it by `/archive` within seven days; every file is logged."""
        values = rest.read_input(NewDownloadSerializer, request)
        made = downloads.start_download(
            actor=self.actor(),
            purpose=values.get("purpose", ""),
            calls=call_filters.read(values["calls"]),
            kinds=values.get("kinds", downloads.KINDS),
        )
        return rest.Written(made.id, 201)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        rows = access.downloads(self.actor().organisation_id)
        row = rows.filter(id=resource_id).first() if resource_id else None
        return _download(row) if row else None


class DownloadView(rest.OrganisationView):
    @extend_schema(operation_id="downloads_delete", responses={204: None})
    def delete(self, request: Request, download_id: UUID) -> rest.Written:
        """End a download at once."""
        downloads.withdraw_download(actor=self.actor(), download_id=download_id)
        return rest.Written(None, 204)


class DownloadItemsView(rest.OrganisationView):
    @extend_schema(operation_id="downloads_items", parameters=_CURSOR, responses=DownloadItemPageSerializer)
    def get(self, request: Request, download_id: UUID) -> Response:
        """What belongs to a download, with hashes, and what was given out already."""
        actor = self.actor()
        rights.require(actor, "recordings.read")
        if not access.downloads(actor.organisation_id).filter(id=download_id).exists():
            raise NotFound()
        return rest.page_of(request, access.download_items(actor.organisation_id, download_id), _item)


class ArchiveView(rest.OrganisationView):
    asks_others = True  # each file is a transaction of its own

    @extend_schema(
        operation_id="downloads_archive",
        parameters=[OpenApiParameter("after", int, description="go on after this file (its number)")],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, download_id: UUID) -> StreamingHttpResponse:
        """A ZIP of the files and `manifest.json`, made while it is read.

        Where the connection breaks, ask again with the number of the last whole file.
        """
        return stream_download(self.actor(), download_id, after=_after(request))


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 8):
        raise Invalid("This is no number of a file", errors={"after": ["A number from 0."]})
    return int(text)


urlpatterns = [
    path("downloads", DownloadsView.as_view()),
    path("downloads/<uuid:download_id>", DownloadView.as_view()),
    path("downloads/<uuid:download_id>/items", DownloadItemsView.as_view()),
    path("downloads/<uuid:download_id>/archive", ArchiveView.as_view()),
]
