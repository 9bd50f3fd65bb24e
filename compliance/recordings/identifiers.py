"""The one form of an identifier, so that the same person is found whichever way it was written.

Pure. What can go wrong: two people that look like one. So nothing is guessed: no dots or tags are taken out of a
mailbox, opaque ids keep their case, and a number without a country needs the region of the call.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberMatcher


class IdentifierKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    CONTACT_ID = "contact_id"
    ACCOUNT = "account"
    NAME = "name"


class IdentifierError(ValueError):
    """The value is no identifier of its kind. The message never repeats the value."""


@dataclass(frozen=True)
class Found:
    """An identifier in a text: normalised, with the offsets of the words it was found in."""

    kind: IdentifierKind
    value: str
    start: int
    end: int


_LONGEST = 320  # a mailbox of 64 and a domain of 255 characters (RFC 5321 § 4.5.3.1), with the @ between
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]"
_LABEL = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_EMAIL_IN_TEXT = re.compile(
    rf"(?<![\w.+-])({_ATOM}{{1,64}}(?:\.{_ATOM}{{1,64}}){{0,8}})@({_LABEL}(?:\.{_LABEL}){{1,8}})(?![\w-])"
)
_IDEOGRAPHIC_DOTS = re.compile("[\u3002\uff0e\uff61]")  # read as dots in domain names (UTS 46)


def normalise(kind: IdentifierKind, value: str, region: str | None = None) -> str:
    """The comparable form of an identifier; applying it twice changes nothing.

    phone: E.164 (`region`, ISO 3166, is needed where the number has no country code). email: NFC, lower case, the
    domain as A-labels (punycode), so that both spellings of an internationalised domain are one. contact_id: NFC and
    trimmed, case kept, since platforms' ids are opaque. account: NFKC, without spaces, upper case; hyphens are kept.
    name: NFKC, case folded, single spaces; names only ever propose a match. Raises IdentifierError.
    """
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        raise IdentifierError(f"{kind.value}: empty")
    if len(text) > _LONGEST or any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise IdentifierError(f"{kind.value}: too long, or holds control characters")
    if kind is IdentifierKind.PHONE:
        return _phone(text, region)
    return _FORMS[kind](text)


def find_emails(text: str) -> tuple[Found, ...]:
    """The mail addresses in a text, in order, each normalised."""
    found = []
    for match in _EMAIL_IN_TEXT.finditer(text):
        try:
            value = _email(unicodedata.normalize("NFC", match.group()))
        except IdentifierError:
            continue
        found.append(Found(IdentifierKind.EMAIL, value, match.start(), match.end()))
    return tuple(found)


def find_phones(text: str, region: str | None = None) -> tuple[Found, ...]:
    """The phone numbers written in digits in a text, in order; without `region` only those with a country code."""
    matcher = PhoneNumberMatcher(text, _region(region), leniency=Leniency.POSSIBLE)
    return tuple(
        Found(IdentifierKind.PHONE, _e164(match.number), match.start, match.end)
        for match in matcher
        if _reads_back(match.number)
    )


def _phone(text: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(text.removeprefix("tel:"), _region(region))
    except NumberParseException:
        raise IdentifierError("phone: not a number, or its country is unknown (no + and no region)") from None
    # Possible, not valid: numbering plans change faster than the library, and a call did reach this number.
    if not phonenumbers.is_possible_number(number):
        raise IdentifierError("phone: too short or too long for its country")
    if not _reads_back(number):
        raise IdentifierError("phone: only zeros, or otherwise without a form of its own")
    return _e164(number)


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _reads_back(number: PhoneNumber) -> bool:
    """Whether the E.164 form is read as the same number again; trunk zeros alone are not."""
    value = _e164(number)
    try:
        return _e164(phonenumbers.parse(value, None)) == value
    except NumberParseException:
        return False


def _region(region: str | None) -> str | None:
    """The country of an ISO 3166 place: `DE-BY` is DE. Raises IdentifierError for one without numbers."""
    if not region:
        return None
    country = region.partition("-")[0].upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise IdentifierError(f"phone: no numbering plan for region {country!r}")
    return country


def _email(text: str) -> str:
    mailbox, at, domain = unicodedata.normalize("NFC", text.lower()).rpartition("@")
    if not (at and mailbox and domain) or len(mailbox) > 64 or re.search(r"[\s<>,;@]", mailbox):
        raise IdentifierError("email: not one address of the form mailbox@domain")
    return f"{mailbox}@{_domain(domain)}"


def _domain(domain: str) -> str:
    """The domain as lower-case A-labels, by RFC 3492 directly: the `idna` codec of Python is the standard of 2003."""
    dotted = _IDEOGRAPHIC_DOTS.sub(".", unicodedata.normalize("NFKC", domain)).lower()
    labels = [_label(unicodedata.normalize("NFKC", label)) for label in dotted.removesuffix(".").split(".")]
    if sum(len(label) + 1 for label in labels) > 254:
        raise IdentifierError("email: the domain is too long")
    return ".".join(labels)


def _label(label: str) -> str:
    if not re.fullmatch(r"[\w-]+", label) or label.startswith("-") or label.endswith("-"):
        raise IdentifierError("email: not a domain name")
    encoded = label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
    if len(encoded) > 63:
        raise IdentifierError("email: a part of the domain is too long")
    return encoded


def _account(text: str) -> str:
    return unicodedata.normalize("NFKC", "".join(unicodedata.normalize("NFKC", text).split()).upper())


def _name(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


_FORMS: Mapping[IdentifierKind, Callable[[str], str]] = {
    IdentifierKind.EMAIL: _email,
    IdentifierKind.CONTACT_ID: str,
    IdentifierKind.ACCOUNT: _account,
    IdentifierKind.NAME: _name,
}
