"""Sign-in through allauth: closed to sign-ups, and every success and failure is an entry."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.http import HttpRequest
from django.urls import reverse

from accounts import authentication, events, tenancy
from accounts.actors import Actor, ActorKind
from accounts.models import User
from audit import log


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People come by invitation, not by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """A failed sign-in belongs to no organisation yet: it goes to the deployment's log."""
        actor = Actor(
            kind=ActorKind.PERSON, organisation_id=tenancy.DEPLOYMENT_ID, origin=authentication.origin_of(request)
        )
        with tenancy.scope(tenancy.DEPLOYMENT_ID):
            log.append(
                actor=actor,
                event=events.SIGN_IN_FAILED,
                organisation_id=tenancy.DEPLOYMENT_ID,
                obj=("user", None),
                cls=log.EntryClass.AUTH,
                outcome="denied",
                identifying={"email": str(credentials.get("email", ""))[:254]},
            )

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> Any:
        for member in authentication.memberships(user):
            actor = Actor(
                kind=ActorKind.PERSON,
                organisation_id=member.organisation_id,
                id=user.id,
                origin=authentication.origin_of(request),
            )
            with tenancy.scope(member.organisation_id):
                log.append(
                    actor=actor,
                    event=events.SIGN_IN_SUCCEEDED,
                    organisation_id=member.organisation_id,
                    obj=("user", user.id),
                    cls=log.EntryClass.AUTH,
                )
        return super().post_login(request, user, **options)


def one_time_link(user: User, base_url: str) -> str:
    """An address that lets this person set a password and sign in; it dies with its first use and after
    PASSWORD_RESET_TIMEOUT.
    """
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    path = reverse(
        "account_reset_password_from_key", kwargs={"uidb36": key.split("-", 1)[0], "key": key.split("-", 1)[1]}
    )
    return base_url + path
