"""Console: destroyed keys. What they sealed can be read nowhere any more, in backups either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts import pages
from accounts.console import ScopedAdmin
from accounts.pages import Facts, Part
from compliance.vault.models import Tombstone
from compliance.vault.scopes import ScopeKind


class DestroyedFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "under way"), ("0", "proven gone")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(destroyed_at__isnull=self.value() == "1") if self.value() else queryset


@admin.register(Tombstone)
class TombstoneAdmin(ScopedAdmin):
    read_action = "vault.read"
    title = "Destroyed keys"
    intro = "From its tombstone on, nothing under a key is opened, wherever a copy of the key may still lie."
    empty = "No key was destroyed yet."
    list_display = ("scope", "standing", "reason", "requested", "destroyed")
    list_filter = (DestroyedFilter,)
    ordering = ("-requested_at",)

    def name_of(self, row: Tombstone) -> str:
        return f"Key of a {_kind(row)}"

    @admin.display(description="Key of")
    def scope(self, row: Tombstone) -> str:
        return pages.beside(_kind(row), pages.short(row.scope_id))

    @admin.display(description="State")
    def standing(self, row: Tombstone) -> str:
        return pages.badge("proven gone", pages.GOOD) if row.destroyed_at else pages.badge("under way", pages.WAITING)

    @admin.display(description="Ground")
    def reason(self, row: Tombstone) -> str:
        return pages.words(row.ground)

    @admin.display(description="Decided")
    def requested(self, row: Tombstone) -> str:
        return pages.moment(row.requested_at)

    @admin.display(description="Destroyed")
    def destroyed(self, row: Tombstone) -> str:
        return pages.moment(row.destroyed_at)

    def parts(self, request: HttpRequest, row: Tombstone) -> Sequence[Part]:
        return [
            Facts(
                "Tombstone",
                [
                    ("Key of", f"{_kind(row)} {row.scope_id}"),
                    ("State", self.standing(row)),
                    ("Ground", self.reason(row)),
                    ("Decided", pages.moment(row.requested_at)),
                    ("Copy in the object store since", pages.moment(row.stored_at)),
                    ("Proven gone", pages.moment(row.destroyed_at)),
                    ("Key", pages.code(row.key_id)),
                    ("Entry of the decision", pages.to("audit_entry", row.cause, "in the log")),
                ],
            )
        ]


def _kind(row: Tombstone) -> str:
    return pages.words(ScopeKind(row.scope_kind).name.lower())
