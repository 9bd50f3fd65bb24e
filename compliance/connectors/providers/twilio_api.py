"""What we ask Twilio: recordings by date, one call, one deletion, and the proof of it. Pure.

Paths, filters and paging as its package twilio 9.13.0 has them. Twilio keeps a deleted recording's metadata for 40 days
and shows them on request: that is the proof. Afterwards it answers as if the id had never been, which proves nothing.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from compliance.connectors.facts import CallFacts
from compliance.connectors.providers import answers, payloads, twilio_resources
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.questions import (
    AgentPage,
    Answer,
    AskFailed,
    CallPage,
    Credentials,
    Deletion,
    Part,
    Question,
    Target,
)
from compliance.connectors.providers.twilio_shapes import API_URL, is_twilio_media

_INTELLIGENCE: Final = "intelligence.twilio.com"
_PAGE_SIZE: Final = "200"
_SID: Final = re.compile(r"(AC|CA|RE|GT)[0-9a-fA-F]{32}", re.ASCII)
_API_KEY: Final = re.compile(r"SK[0-9a-fA-F]{32}:[^:\s]+", re.ASCII)
_LIST_PATH: Final = re.compile(r"/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/Recordings\.json", re.ASCII)


class TwilioApi:
    """The REST API of one account."""

    base_url = API_URL
    hosts = (
        "api.twilio.com",
        "api.ie1.twilio.com",
        "api.au1.twilio.com",
        "api.dublin.ie1.twilio.com",
        "api.sydney.au1.twilio.com",
        _INTELLIGENCE,
    )
    parts = frozenset({Part.RECORDING, Part.TRANSCRIPT})
    proof_words = (
        "Twilio's API, asked with IncludeSoftDeleted, shows the recording with the status deleted (it does so for 40 "
        "days); a Voice Intelligence transcript answers 404."
    )
    lists_calls = True
    lists_agents = False

    def authorise(self, credentials: Credentials) -> Mapping[str, str]:
        """Basic authentication by the account and its token, or by an API key `SK…:secret`."""
        secret = credentials.secret("auth_token")
        pair = secret if _API_KEY.fullmatch(secret) else f"{_sid(credentials.account_id, 'AC')}:{secret}"
        return {"Authorization": "Basic " + b64encode(pair.encode("utf-8")).decode("ascii")}

    def media_headers(self, url: str, credentials: Credentials) -> Mapping[str, str]:
        """The same for recordings that lie at Twilio, of this account, and for nothing else."""
        parts = urlsplit(url) if is_twilio_media(url) else None
        if parts is None or parts.scheme != "https" or parts.netloc not in self.hosts:
            return {}
        if parts.path.split("/")[3].lower() != credentials.account_id.lower():
            return {}
        return self.authorise(credentials)

    def list_calls(
        self, credentials: Credentials, since: datetime, until: datetime, cursor: str | None = None
    ) -> Question:
        """A page of the recordings that were made in whole UTC days around [since, until): dates are all that Twilio
        documents, and a recording is made after its call began. Calls without a recording are not asked for.
        """
        if cursor is not None:
            query = tuple(parse_qsl(cursor, keep_blank_values=True))
        else:
            last = (until + timedelta(days=1)).date()
            query = (
                ("DateCreated<", last.isoformat()),
                ("DateCreated>", since.date().isoformat()),
                ("PageSize", _PAGE_SIZE),
            )
        return Question("GET", f"{_account(credentials)}/Recordings.json", query)

    def read_calls(self, answer: Answer) -> CallPage:
        """The page: one entry for each recording, several of one call among them."""
        body = answers.object_of(answer)
        items = body.get("recordings")
        if not isinstance(items, list):
            raise AskFailed("bad_answer", status=answer.status)
        calls, unreadable = [], 0
        for item in items:
            try:
                calls.append(twilio_resources.thing(item))
            except Unparseable:
                unreadable += 1
        return CallPage(tuple(calls), _next(body.get("next_page_uri")), unreadable)

    def ask_call(self, credentials: Credentials, external_id: str) -> Question:
        """The call with its numbers and times, or one recording where the id is a recording's."""
        if external_id.startswith("RE"):
            return Question("GET", f"{_account(credentials)}/Recordings/{_sid(external_id, 'RE')}.json")
        return Question("GET", f"{_account(credentials)}/Calls/{_sid(external_id, 'CA')}.json")

    def read_call(self, answer: Answer) -> CallFacts | None:
        """The facts of either."""
        if answers.says_not_found(answer):
            return None
        try:
            return twilio_resources.thing(answers.object_of(answer))
        except Unparseable:
            raise AskFailed("bad_answer", status=answer.status) from None

    def list_agents(self, credentials: Credentials, cursor: str | None = None) -> Question:
        """Twilio knows no agents. Raises AskFailed("no_agents")."""
        raise AskFailed("no_agents")

    def read_agents(self, answer: Answer, cursor: str | None = None) -> AgentPage:
        """The same."""
        raise AskFailed("no_agents")

    def delete(self, credentials: Credentials, target: Target) -> Question:
        """DELETE of the recording, or of the transcript at Voice Intelligence."""
        return self._about("DELETE", credentials, target)

    def read_delete(self, answer: Answer) -> Deletion:
        """204 is Twilio's word that it took the order."""
        return answers.deletion_ordered(answer)

    def ask_deleted(self, credentials: Credentials, target: Target) -> Question:
        """The recording among the deleted ones too, or the transcript."""
        return self._about("GET", credentials, target)

    def read_deleted(self, answer: Answer) -> Deletion:
        """GONE for a recording shown as deleted and for a transcript that is not found.

        A recording that is not found raises AskFailed("unknown_recording"): it may have been deleted more than 40 days
        ago, or be another account's.
        """
        if answers.says_not_found(answer):
            # Twilio's errors name the resource that was asked for.
            if "/Transcripts/" in str(payloads.read_object(answer.body).get("message", "")):
                return Deletion.GONE
            raise AskFailed("unknown_recording", status=404)
        body = answers.object_of(answer)
        return Deletion.GONE if body.get("status") == "deleted" else Deletion.PRESENT

    def _about(self, method: str, credentials: Credentials, target: Target) -> Question:
        if target.part is Part.TRANSCRIPT:
            return Question(method, f"/v2/Transcripts/{_sid(target.external_id, 'GT')}", host=_INTELLIGENCE)
        if target.part is not Part.RECORDING:
            raise AskFailed("unknown_part")
        query = (("IncludeSoftDeleted", "true"),) if method == "GET" else ()
        return Question(method, f"{_account(credentials)}/Recordings/{_sid(target.external_id, 'RE')}.json", query)


def _sid(value: str, kind: str) -> str:
    if not _SID.fullmatch(value) or not value.startswith(kind):
        raise AskFailed("bad_id" if kind != "AC" else "no_credentials")
    return value


def _account(credentials: Credentials) -> str:
    return f"/2010-04-01/Accounts/{_sid(credentials.account_id, 'AC')}"


def _next(uri: object) -> str | None:
    if uri is None or uri == "":
        return None
    parts = urlsplit(uri) if isinstance(uri, str) and len(uri) < payloads.MAX_URL else None
    if parts is None or parts.netloc or not _LIST_PATH.fullmatch(parts.path) or not parts.query:
        raise AskFailed("bad_answer")
    return parts.query
