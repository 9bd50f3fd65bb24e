"""Why a recording was not fetched. Pure.

`code` is stable, `is_retryable` says whether the same address may be asked again later, and `where` is the address
without user, query and fragment, since tokens live there.
"""

from typing import Final

# Code → whether it is worth asking again. A refusal of ours never is: the address has to change first.
_RETRYABLE: Final[dict[str, bool]] = {
    "bad_url": False,  # not an absolute http(s) address, or with user, fragment, odd characters
    "blocked_host": False,  # not on the connection's list
    "blocked_address": False,  # the name leads to an address that is not on the public internet
    "redirect_refused": False,
    "too_large": False,
    "not_audio": False,
    "type_mismatch": False,  # the header names one kind of audio, the bytes are another
    "encoded": False,  # compressed although we asked for identity
    "dns_failed": True,
    "connect_failed": True,
    "tls_failed": True,
    "protocol_error": True,
    "truncated": True,
    "bad_status": True,
    "denied": True,  # 401 or 403: an expired link; a fresh one may be had
    "not_found": True,  # 404: some platforms tell the address before the file is there
    "gone": False,  # 410
    "unavailable": True,  # 200, but a page or a message in place of the audio
    "empty": True,
    "too_slow": True,
    "deadline": True,
}
CODES: Final = frozenset(_RETRYABLE)


class FetchError(Exception):
    """The fetch ended without a recording; what was given out before the end must be thrown away."""

    def __init__(self, code: str, where: str = "", *, status: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.where = where
        self.status = status
        self.is_retryable = _RETRYABLE[code]

    def __str__(self) -> str:
        return f"{self.code} at {self.where}" if self.where else self.code


class FetchRefused(FetchError):
    """Our own rule forbids it: where to connect, how much to take, what to keep."""


class FetchFailed(FetchError):
    """The other side, or the way to it, did not deliver."""
