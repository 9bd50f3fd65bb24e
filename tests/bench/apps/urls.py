"""The product's addresses, and the bare endpoint that its webhooks are compared with."""

from __future__ import annotations

from django.urls import path
from rest_framework import generics, serializers

from compliance.config.urls import urlpatterns as product
from tests.bench.apps.models import Received


class ReceivedSerializer(serializers.ModelSerializer[Received]):
    """The fields as they come."""

    class Meta:
        model = Received
        fields = ("external_id", "body")


class ReceiveView(generics.CreateAPIView[Received]):
    """What Django REST framework does by itself: parse, validate, insert, answer."""

    queryset = Received.objects.all()
    serializer_class = ReceivedSerializer
    authentication_classes = ()
    permission_classes = ()


urlpatterns = [*product, path("bench/received", ReceiveView.as_view())]
