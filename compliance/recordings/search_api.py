"""/api/v1/calls/search: what was said, found. A POST, because the words may name people and must not stand in an
address.
"""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import rest
from compliance.recordings import call_filters, search
from compliance.recordings.models import Call
from compliance.recordings.operations import searching
from compliance.recordings.operations.searching import Answer, Hit, Wanted
from compliance.recordings.representations import CallSerializer, render_call


class SearchSerializer(rest.StrictSerializer):
    words = serializers.CharField(
        max_length=searching.LONGEST,
        trim_whitespace=False,
        help_text="exactly as they are looked for: every message that contains them in lower case is found",
    )
    role = serializers.CharField(max_length=40, required=False, help_text="who spoke, by the platform's word")
    calls = serializers.DictField(
        child=serializers.CharField(), required=False, help_text=f"which calls, by {', '.join(call_filters.NAMES)}"
    )
    purpose = serializers.CharField(max_length=100, required=False, help_text="needed unless the key has a default")
    cursor = serializers.CharField(max_length=40, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=searching.MOST_HITS, required=False)
    count = serializers.BooleanField(required=False, help_text="look on, within the same box, to count exactly")


class ExcerptSerializer(serializers.Serializer[Any]):
    turn = serializers.IntegerField(help_text="from 0, as in the transcript")
    role = serializers.CharField()
    text = serializers.CharField(help_text="the sentence around the words")
    start = serializers.IntegerField(help_text="of the words in `text`, in code points")
    end = serializers.IntegerField()


class HitSerializer(serializers.Serializer[Any]):
    call = CallSerializer()
    artifact_id = serializers.UUIDField()
    version = serializers.IntegerField()
    turns = serializers.ListField(child=serializers.IntegerField(), help_text="every turn with the words")
    excerpts = ExcerptSerializer(many=True, help_text="of the first three")


class CountSerializer(serializers.Serializer[Any]):
    calls = serializers.IntegerField()
    kind = serializers.CharField(help_text="exact | about | at_least")


class FoundSerializer(serializers.Serializer[Any]):
    results = HitSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    searched_back_to = serializers.DateTimeField(
        allow_null=True, help_text="calls that began earlier were not looked at yet; null: all were"
    )
    index_complete = serializers.BooleanField(
        help_text="where it is not, calls are opened one by one, and a page reaches less far"
    )
    waiting = serializers.IntegerField(help_text="calls that are not indexed yet; up to 200 are looked at all the same")
    opened = serializers.IntegerField(help_text="calls whose words were looked at")
    unreadable = serializers.IntegerField(help_text="calls whose words do not authenticate: an alarm was raised")
    count = CountSerializer(allow_null=True, help_text="of the first page only")


class SearchView(rest.OrganisationView):
    @extend_schema(operation_id="calls_search", request=SearchSerializer, responses=FoundSerializer)
    def post(self, request: Request) -> Response:
        """The newest calls in which the words were said. Each search is logged without its words, and so is each call
        whose words are shown.
        """
        values = rest.read_input(SearchSerializer, request)
        wanted = Wanted(
            words=values["words"],
            calls=call_filters.read(values.get("calls", {})),
            role=values.get("role"),
            after=search.read_cursor(values["cursor"]) if "cursor" in values else None,
            limit=values.get("limit", searching.MOST_HITS),
            is_counted=values.get("count", False),
        )
        answer = searching.search_transcripts(actor=self.actor(), wanted=wanted, purpose=values.get("purpose", ""))
        return Response(render_answer(answer), headers={"Cache-Control": "private, no-store"})


def render_answer(answer: Answer) -> dict[str, Any]:
    """An answer as the API gives it."""
    count = answer.count
    return {
        "results": [_hit(one, answer.calls[one.position.id]) for one in answer.hits],
        "next_cursor": search.cursor_of(answer.after) if answer.after else None,
        "searched_back_to": answer.after.at if answer.after else None,
        "index_complete": answer.coverage.is_complete and not answer.coverage.is_behind,
        "waiting": len(answer.coverage.waiting),
        "opened": answer.opened,
        "unreadable": answer.unreadable,
        "count": {"calls": count.number, "kind": count.kind} if count else None,
    }


def _hit(hit: Hit, call: Call) -> dict[str, Any]:
    return {
        "call": render_call(call),
        "artifact_id": hit.artifact.id,
        "version": hit.artifact.version,
        "turns": list(hit.turns),
        "excerpts": [
            {name: getattr(one, name) for name in ("turn", "role", "text", "start", "end")} for one in hit.excerpts
        ],
    }


urlpatterns = [path("calls/search", SearchView.as_view())]
