"""Data subjects, without a value that identifies them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest

from accounts import pages
from accounts.console import ScopedAdmin
from accounts.pages import Facts, Part, Table
from compliance.recordings import access, people
from compliance.recordings.admin import tables
from compliance.recordings.models import DataSubject


@admin.register(DataSubject)
class DataSubjectAdmin(ScopedAdmin):
    read_action = "recordings.read"
    title = "Data subjects"
    intro = "People in calls. Names, numbers and addresses are sealed; this list shows none of them."
    list_display = ("subject", "standing", "region", "since")
    ordering = ("-id",)

    def name_of(self, row: DataSubject) -> str:
        return f"Data subject {row.id.hex[-8:]}"

    @admin.display(description="Data subject")
    def subject(self, row: DataSubject) -> str:
        return pages.short(row.id)

    @admin.display(description="State")
    def standing(self, row: DataSubject) -> str:
        return pages.badge("erased", pages.QUIET) if row.erased_at else pages.badge("known", pages.GOOD)

    @admin.display(description="Known since")
    def since(self, row: DataSubject) -> str:
        return pages.moment(row.created_at)

    def parts(self, request: HttpRequest, row: DataSubject) -> Sequence[Part]:
        organisation_id = row.organisation_id
        call_ids = people.calls_of_subjects(organisation_id, [row.id], include_erased=True)[:100]
        calls = access.calls(organisation_id).filter(id__in=call_ids).order_by("-id")
        return [
            Facts(
                "Data subject",
                [
                    ("State", self.standing(row)),
                    ("Recognised by", pages.listed(people.identifier_kinds(organisation_id, row.id))),
                    ("Region", row.region),
                    ("Known since", pages.moment(row.created_at)),
                    ("Erased", pages.moment(row.erased_at)),
                    ("Id", pages.code(row.id)),
                ],
                "Kinds of identifiers only. The values are sealed under this person's own key.",
            ),
            Table(
                "Calls",
                ["Call", "Started", "Agent", "State"],
                [
                    [
                        pages.to("recordings_call", call.id, call.external_id or pages.short(call.id)),
                        pages.moment(call.started_at),
                        str(call.agent) if call.agent else None,
                        pages.state(call.state, tables.CALL_STATES),
                    ]
                    for call in calls
                ],
                empty="No call.",
            ),
        ]
