"""Every address of the service."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from compliance.config import health

handler400 = "compliance.config.failures.bad_request"
handler403 = "compliance.config.failures.not_allowed"
handler404 = "compliance.config.failures.not_found"
handler500 = "compliance.config.failures.failed"

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("", include("audit.api")),
    path("", include("compliance.intake.webhooks")),
    path("", include("compliance.recordings.playback")),
    path("", include("compliance.dsr.packages")),
    path("api/v1/", include("compliance.connectors.api")),
    path("api/v1/", include("compliance.outlet.api")),
    path("api/v1/", include("compliance.intake.api")),
    path("api/v1/", include("compliance.intake.imports_api")),
    path("api/v1/", include("compliance.recordings.api")),
    path("api/v1/", include("compliance.retention.api")),
    path("api/v1/", include("compliance.reconciliation.api")),
    path("api/v1/", include("compliance.disclosure.api")),
    path("api/v1/", include("compliance.dsr.api")),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[]), name="schema"),
    path(
        "api/docs/", SpectacularSwaggerView.as_view(url_name="schema", permission_classes=[], authentication_classes=[])
    ),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("", include("django_prometheus.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
