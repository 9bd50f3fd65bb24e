"""What the console asks before it changes a connection or an agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from accounts import pages
from accounts.buttons import Question
from compliance.connectors import access
from compliance.connectors.access import Governance
from compliance.connectors.models import Governed, LawfulBasis
from compliance.connectors.providers import registry


def list_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, help_text=f"{help_text} One a line.", widget=forms.Textarea(attrs={"rows": 3})
    )


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class GovernanceQuestion(Question):
    purposes = list_field("Purposes", "Why calls are recorded and processed (GDPR Art. 13(1)(c)).")
    lawful_basis = forms.ChoiceField(
        label="Lawful basis", choices=[("", "Not stated"), *LawfulBasis.choices], required=False
    )
    recipients = list_field("Recipients", "Who else gets the data, or which kinds (GDPR Art. 15(1)(c)).")

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        if row is None:
            return {}
        return {
            "purposes": "\n".join(row.purposes),
            "lawful_basis": row.lawful_basis,
            "recipients": "\n".join(row.recipients),
        }


def governance_of(data: dict[str, Any]) -> Governance:
    return Governance(
        purposes=tuple(lines(data["purposes"])),
        lawful_basis=data["lawful_basis"],
        recipients=tuple(lines(data["recipients"])),
    )


def _pairs(text: str) -> dict[str, str]:
    """Lines of `name=value`."""
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines(text))}


class OptionsField(forms.CharField):
    """A platform's options, `name=value`, one a line."""

    def __init__(self) -> None:
        super().__init__(
            label="Options", required=False, widget=forms.Textarea(attrs={"rows": 3}),
            help_text="As name=value, one a line; what is left out has the platform's default.",
        )  # fmt: skip

    def clean(self, value: Any) -> dict[str, str]:
        return _pairs(super().clean(value))


def option_lines(options: Mapping[str, str]) -> str:
    """The inverse: what the field holds at first."""
    return "\n".join(f"{name}={value}" for name, value in options.items())


def secret_field(label: str, help_text: str, *, required: bool = True) -> forms.CharField:
    """A value that goes in and never comes out."""
    widget = forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False)
    return forms.CharField(label=label, required=required, max_length=4000, help_text=help_text, widget=widget)


class NewConnectionQuestion(GovernanceQuestion):
    platform = forms.ChoiceField(
        label="Platform", choices=lambda: [(name, registry.provider_for(name).label) for name in registry.names()]
    )
    name = forms.CharField(label="Name", max_length=100)
    account_id = forms.CharField(label="Account at the platform", max_length=200, required=False)
    webhook_secret = secret_field(
        "Webhook secret of the platform",
        "Where the platform makes it. It can be entered later; until then every delivery is denied.",
        required=False,
    )
    options = OptionsField()
    api_host = forms.CharField(
        label="Host of the platform's API", max_length=260, required=False, help_text="Empty: its usual one."
    )
    allowed_hosts = list_field(
        "Hosts of recordings", "Recordings are fetched from nowhere else. Empty: the platform's usual ones."
    )

    field_order = ("platform", "name", "account_id", "webhook_secret", "options", "api_host", "allowed_hosts")


class HostsQuestion(Question):
    hosts = list_field("Hosts of recordings", "Recordings are fetched from nowhere else.")

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"hosts": "\n".join(row.allowed_hosts)}


class SecretQuestion(Question):
    value = secret_field("Webhook secret", "As the platform shows it. It is sealed, and never shown again.")


class CredentialQuestion(Question):
    name = forms.ChoiceField(label="Credential")
    value = secret_field("Value", "Sealed, and never shown again. Empty: forget it.", required=False)

    def __init__(self, *args: Any, row: Any = None, **options: Any) -> None:
        super().__init__(*args, row=row, **options)
        known = registry.provider_for(row.platform).credentials if row else ()
        self.fields["name"].choices = [(one.name, one.label) for one in known]  # type: ignore[attr-defined]


class RecordingKeyQuestion(Question):
    key_id = forms.CharField(label="Id of the public key at the platform", max_length=80)
    private_key_pem = forms.CharField(
        label="Private key",
        max_length=20_000,
        help_text="RSA of at least 2048 bits, in PEM, without password. It is sealed, and never shown again.",
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off"}),
    )


class SettingsQuestion(Question):
    quiet_hours = forms.IntegerField(
        label="Quiet hours", required=False, help_text="After so many hours without a delivery somebody is told."
    )
    api_host = forms.CharField(label="Host of the platform's API", max_length=260, required=False)
    options = OptionsField()

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        options = option_lines(access.options_of(row))
        return {"quiet_hours": row.quiet_hours, "api_host": row.api_host, "options": options}


class AgentQuestion(GovernanceQuestion):
    name = forms.CharField(label="Name", max_length=200, required=False)
    languages = list_field("Languages", "What the agent speaks, such as en-US (BCP 47).")
    jurisdictions = list_field("Jurisdictions", "Places of operator and callers, such as DE or US-CA (ISO 3166).")

    field_order = ("name", "languages", "jurisdictions")

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return super().initial_from(request, row) | {
            "name": row.name,
            "languages": "\n".join(row.languages),
            "jurisdictions": "\n".join(row.jurisdictions),
        }


def governed(row: Governed) -> list[tuple[str, object]]:
    return [
        ("Purposes", pages.lines(row.purposes)),
        ("Lawful basis", row.get_lawful_basis_display()),
        ("Recipients", pages.lines(row.recipients)),
    ]
