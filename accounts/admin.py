"""Console: the organisation, its members and its API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts import access, operations, pages
from accounts.actors import Actor, Role
from accounts.buttons import Question, Show, button
from accounts.console import ScopedAdmin, actor_of, own_organisation, who
from accounts.models import ApiKey, Membership, Organisation
from accounts.pages import Facts, Part, Secret

ROLES = {
    Role.OWNER: "Owner: everything, with members and keys",
    Role.OFFICER: "Officer: requests, holds, schedules, playback",
    Role.REVIEWER: "Reviewer: approves what an officer proposed",
    Role.AUDITOR: "Auditor: reads everything but content",
    Role.ENGINEER: "Engineer: agents, prompts, disclosure findings",
}
_ONCE = "Copy it now. It is shown this once and kept nowhere; whoever has it can act with the rights of this key."


class NewMember(Question):
    email = forms.EmailField(label="E-mail address", max_length=254)
    name = forms.CharField(label="Name", max_length=150, required=False)
    role = forms.ChoiceField(label="Role", choices=[(role.value, text) for role, text in ROLES.items()])


class NewRole(Question):
    role = forms.ChoiceField(label="Role", choices=[(role.value, text) for role, text in ROLES.items()])

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"role": row.role}


class NewKey(Question):
    name = forms.CharField(label="Name", max_length=100, help_text="What uses it, such as “billing export”.")
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[(scope, scope) for scope in sorted(access.SCOPES)],
        widget=forms.CheckboxSelectMultiple,
        help_text="Only what it needs.",
    )
    purpose = forms.CharField(
        label="Purpose",
        max_length=100,
        required=False,
        help_text="Why it opens audio and words; needed with calls:content, and written to the log with every opening.",
    )
    days = forms.IntegerField(label="Valid for days", min_value=1, max_value=730, initial=365)


@admin.register(Organisation)
class OrganisationAdmin(ScopedAdmin):
    """One row: the actor's own."""

    read_action = "accounts.read_members"
    title = "Organisation"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        return own_organisation(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        return redirect(reverse(self.url_name("change"), args=[actor_of(request).organisation_id]))

    def parts(self, request: HttpRequest, row: Organisation) -> Sequence[Part]:
        approval = row.get_approval_display()
        if row.approval == Organisation.Approval.DELAYED:
            approval = f"{approval} of {row.approval_delay_hours} hours"
        return [
            Facts(
                "Controller",
                [
                    ("Name", row.name),
                    ("Place of establishment", row.country),
                    ("Time zone", row.time_zone),
                    ("Contact named in letters", row.contact_email),
                    ("What cannot be undone needs", approval),
                    ("Since", pages.moment(row.created_at)),
                    ("Id", pages.code(row.id)),
                ],
                "Who decides why calls are recorded (GDPR Art. 4(7); CCPA: business).",
            )
        ]


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    read_action = "accounts.read_members"
    title = "Members"
    intro = "Who may sign in to this organisation, and as what. What a member did stays in the log after they left."
    list_display = ("person", "email", "role", "since", "until")
    list_filter = ("role",)
    ordering = ("ended_at", "id")
    actions_list = ("add_member",)
    actions_detail = ("change_role", "end_membership")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user")

    def name_of(self, row: Membership) -> str:
        return str(row.user)

    @admin.display(description="Person")
    def person(self, row: Membership) -> str:
        return str(row.user)

    @admin.display(description="E-mail")
    def email(self, row: Membership) -> str:
        return row.user.email

    @admin.display(description="Member since")
    def since(self, row: Membership) -> str:
        return pages.moment(row.created_at)

    @admin.display(description="Until")
    def until(self, row: Membership) -> str:
        return pages.moment(row.ended_at)

    def parts(self, request: HttpRequest, row: Membership) -> Sequence[Part]:
        return [
            Facts(
                "Member",
                [
                    ("Name", row.user.name),
                    ("E-mail", row.user.email),
                    ("Role", ROLES[Role(row.role)]),
                    ("Member since", pages.moment(row.created_at)),
                    ("Until", pages.moment(row.ended_at)),
                ],
            )
        ]

    @button(
        "accounts.manage_members",
        "Add a member",
        text="They become a member at once. Somebody new sets a password through “Forgotten your password?”.",
        done="The member was added.",
        form=NewMember,
        icon="person_add",
    )
    def add_member(self, actor: Actor, row: None, data: dict[str, Any]) -> None:
        operations.add_member(actor=actor, email=data["email"], name=data["name"], role=Role(data["role"]))

    @button(
        "accounts.manage_members",
        "Change role",
        text="The new role counts from the next page that they open.",
        done="The role was changed.",
        form=NewRole,
        fits=lambda row: row.ended_at is None,
    )
    def change_role(self, actor: Actor, row: Membership, data: dict[str, Any]) -> None:
        operations.change_role(actor=actor, membership_id=row.id, role=Role(data["role"]))

    @button(
        "accounts.manage_members",
        "End membership",
        text="They can open nothing of this organisation any more. What they did stays in the log.",
        done="The membership has ended.",
        is_dangerous=True,
        fits=lambda row: row.ended_at is None,
    )
    def end_membership(self, actor: Actor, row: Membership, data: dict[str, Any]) -> None:
        operations.end_membership(actor=actor, membership_id=row.id)


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    read_action = "accounts.read_keys"
    title = "API keys"
    intro = "What robots act with. Only the SHA-256 of a key is kept, so a lost one is replaced, not looked up."
    list_display = ("name", "shown_prefix", "scope_list", "standing", "expires", "last_used")
    ordering = ("-id",)
    actions_list = ("issue_key",)
    actions_detail = ("rotate_key", "revoke_key")

    def name_of(self, row: ApiKey) -> str:
        return row.name

    @admin.display(description="Prefix")
    def shown_prefix(self, row: ApiKey) -> str:
        return pages.code(row.prefix)

    @admin.display(description="Scopes")
    def scope_list(self, row: ApiKey) -> str:
        return pages.listed(row.scopes)

    @admin.display(description="State")
    def standing(self, row: ApiKey) -> str:
        if row.revoked_at is not None:
            return pages.badge("revoked", pages.QUIET)
        return pages.badge("in use", pages.GOOD) if row.is_usable() else pages.badge("expired", pages.QUIET)

    @admin.display(description="Expires")
    def expires(self, row: ApiKey) -> str:
        return pages.moment(row.expires_at)

    @admin.display(description="Last used")
    def last_used(self, row: ApiKey) -> str:
        return pages.moment(row.last_used_at)

    def parts(self, request: HttpRequest, row: ApiKey) -> Sequence[Part]:
        return [
            Facts(
                "Key",
                [
                    ("Name", row.name),
                    ("State", self.standing(row)),
                    ("Prefix", pages.code(row.prefix)),
                    ("Purpose of opened content", row.purpose),
                    ("Issued", pages.moment(row.created_at)),
                    ("Expires", pages.moment(row.expires_at)),
                    ("Revoked", pages.moment(row.revoked_at)),
                    ("Last used", pages.moment(row.last_used_at)),
                    ("Replaces", pages.to("accounts_apikey", row.replaces_id, "an earlier key")),
                    ("Scopes", pages.lines(row.scopes)),
                    ("In the log as", who(request, f"api_key:{row.id}")),
                ],
            )
        ]

    @button(
        "accounts.manage_keys",
        "Issue a key",
        text="The key's text is shown once, on the next page.",
        form=NewKey,
        icon="add",
    )
    def issue_key(self, actor: Actor, row: None, data: dict[str, Any]) -> Show:
        expires_at = timezone.now() + timedelta(days=data["days"])
        key, text = operations.issue_api_key(
            actor=actor, name=data["name"], scopes=data["scopes"], purpose=data["purpose"], expires_at=expires_at
        )
        return _shown(key, text)

    @button(
        "accounts.manage_keys",
        "Rotate",
        text="A successor with the same rights is shown once. This key works on for seven days, then no more.",
        fits=lambda row: row.is_usable(),
    )
    def rotate_key(self, actor: Actor, row: ApiKey, data: dict[str, Any]) -> Show:
        return _shown(*operations.rotate_api_key(actor=actor, key_id=row.id))

    @button(
        "accounts.manage_keys",
        "Revoke",
        text="The key opens nothing from now on. This cannot be taken back.",
        done="The key is revoked.",
        is_dangerous=True,
        fits=lambda row: row.revoked_at is None,
    )
    def revoke_key(self, actor: Actor, row: ApiKey, data: dict[str, Any]) -> None:
        operations.revoke_api_key(actor=actor, key_id=row.id)


def _shown(key: ApiKey, text: str) -> Show:
    return Show("New key", [Secret(f"Key “{key.name}”", [("API key", text)], _ONCE)])
