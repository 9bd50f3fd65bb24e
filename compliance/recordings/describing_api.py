"""/api/v1/calls/{id}/places and /labels: what people add to a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import rest
from compliance.recordings import access, places
from compliance.recordings.models import Call
from compliance.recordings.operations import placing
from compliance.recordings.places import End, Source

_STATED = [source.value for source in Source if source is not Source.NUMBER]


class PlacementSerializer(serializers.Serializer[Any]):
    end = serializers.CharField(help_text=" | ".join(End))
    place = serializers.CharField(help_text="ISO 3166")
    source = serializers.CharField(help_text=" | ".join(Source))  # type: ignore[assignment]  # the API's own word
    confidence = serializers.CharField(help_text="high | medium | low")
    reason = serializers.CharField(help_text="coded: area_code, mobile_number, fixed_line, by_officer, …")


class PlacesSerializer(serializers.Serializer[Any]):
    call_id = serializers.UUIDField()
    place = serializers.CharField(help_text="of the caller, by the strongest source")
    that_count = serializers.ListField(
        child=serializers.CharField(), help_text="all places whose law counts; the strictest of them decides"
    )
    places = PlacementSerializer(many=True)


class PlaceWordSerializer(rest.StrictSerializer):
    end = serializers.ChoiceField(choices=[end.value for end in End])
    place = serializers.CharField(max_length=6)
    source = serializers.ChoiceField(choices=_STATED)  # type: ignore[assignment]  # the API's own word


class SetPlacesSerializer(rest.StrictSerializer):
    places = PlaceWordSerializer(many=True)


class LabelsSerializer(serializers.Serializer[Any]):
    call_id = serializers.UUIDField()
    labels = serializers.ListField(child=serializers.CharField())


class SetLabelsSerializer(rest.StrictSerializer):
    labels = serializers.ListField(child=serializers.CharField(max_length=60), max_length=placing.MOST_LABELS)


def _places(call: Call) -> dict[str, Any]:
    known = places.from_json(call.places)
    return {
        "call_id": call.id,
        "place": call.place,
        "that_count": list(places.that_count(known)),
        "places": places.to_json(known),
    }


def _labels(call: Call) -> dict[str, Any]:
    return {"call_id": call.id, "labels": call.labels}


class PlacesView(rest.OrganisationView):
    @extend_schema(operation_id="calls_places", responses=PlacesSerializer)
    def get(self, request: Request, reference: str) -> Response:
        """Where both ends of a call are, on whose word, and how sure that is."""
        return Response(_places(access.call_for(self.actor(), reference)))

    @extend_schema(operation_id="calls_set_places", request=SetPlacesSerializer, responses=PlacesSerializer)
    def put(self, request: Request, reference: str) -> rest.Written:
        """State where the ends are (on an officer's word, the person's own, or by billing).

        Replaces what was stated before; what the numbers say stays beside it. Dates and audits are looked at again.
        """
        values = rest.read_input(SetPlacesSerializer, request)
        call = access.call_for(self.actor(), reference)
        words = [placing.Word(End(one["end"]), one["place"], Source(one["source"])) for one in values["places"]]
        return rest.Written(placing.set_places(actor=self.actor(), call_id=call.id, words=words).id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return _places(access.call_of(self.actor().organisation_id, resource_id)) if resource_id else None


class LabelsView(rest.OrganisationView):
    @extend_schema(operation_id="calls_set_labels", request=SetLabelsSerializer, responses=LabelsSerializer)
    def put(self, request: Request, reference: str) -> rest.Written:
        """Set a call's labels, by which schedules and holds may choose it. Replaces all of them."""
        values = rest.read_input(SetLabelsSerializer, request)
        call = access.call_for(self.actor(), reference)
        return rest.Written(placing.set_labels(actor=self.actor(), call_id=call.id, labels=values["labels"]).id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return _labels(access.call_of(self.actor().organisation_id, resource_id)) if resource_id else None


urlpatterns = [
    path("calls/<str:reference>/places", PlacesView.as_view()),
    path("calls/<str:reference>/labels", LabelsView.as_view()),
]
