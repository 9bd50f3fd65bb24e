"""Retention over HTTP: holds, schedules, deletion debt, and what people have to decide."""

from __future__ import annotations

from compliance.retention import holds_api, proposals_api, schedules_api, upstream_api

urlpatterns = [
    *holds_api.urlpatterns,
    *schedules_api.urlpatterns,
    *upstream_api.urlpatterns,
    *proposals_api.urlpatterns,
]
