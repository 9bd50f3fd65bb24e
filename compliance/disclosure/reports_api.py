"""Reports over HTTP: JSON, or CSV with `as=csv`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.disclosure import reports, standing
from compliance.disclosure.operations import figures
from compliance.disclosure.reports import Period, Table
from compliance.errors import NotFound
from compliance.rest import OrganisationView, read_choice


class ReportSerializer(serializers.Serializer[Any]):
    report = serializers.ChoiceField(choices=reports.NAMES)
    until = serializers.DateField()
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.DictField(), help_text="one object a row, with these columns")
    overrides = serializers.ListField(child=serializers.CharField(), help_text="whose class is not the table's")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is a word of Python's."""
        return {"from": serializers.DateField(), **super().get_fields()}


class Reports(OrganisationView):
    @extend_schema(
        operation_id="disclosure_reports_read",
        parameters=[
            OpenApiParameter("name", str, OpenApiParameter.PATH, enum=reports.NAMES),
            OpenApiParameter("from", OpenApiTypes.DATE, description="90 days before `until`, where it is not given"),
            OpenApiParameter("until", OpenApiTypes.DATE, description="the last day; today, where it is not given"),
            OpenApiParameter("by", str, enum=reports.GROUPS, description="of coverage: what it is counted by"),
            OpenApiParameter("as", str, enum=["json", "csv"]),
        ],
        responses={(200, "application/json"): ReportSerializer, (200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, name: str) -> Response | HttpResponse:
        """Coverage, trend by week, worst agents, or how often the prompt's disclosure was spoken."""
        if name not in reports.NAMES:
            raise NotFound()
        asked = request.query_params
        period = Period.read(asked.get("from", ""), asked.get("until", ""), standing.today())
        by = read_choice(request, "by", reports.GROUPS) or "agent"
        is_csv = read_choice(request, "as", ("json", "csv")) == "csv"
        table = figures.report(actor=self.actor(), name=name, period=period, by=by)
        return csv_of(table) if is_csv else Response(_shape(table))


def csv_of(table: Table) -> HttpResponse:
    """A report as a file."""
    answer = HttpResponse(reports.as_csv(table), content_type="text/csv; charset=utf-8")
    name = f"disclosure-{table.name}-{table.period.first}-{table.period.last}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _shape(table: Table) -> dict[str, Any]:
    return {
        "report": table.name,
        "from": table.period.first,
        "until": table.period.last,
        "columns": table.columns,
        "rows": table.rows,
        "overrides": table.overrides,
    }


urlpatterns = [path("disclosure/reports/<str:name>", Reports.as_view())]
