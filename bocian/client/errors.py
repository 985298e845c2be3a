"""How a call fails: the service's problem documents (RFC 9457) as exceptions."""

from __future__ import annotations

from typing import Final


class ClientError(Exception):
    """A call without an answer.

    Attributes:
        title, detail: Of the problem document, where the service sent one.
        status: Of HTTP; None where nothing answered.
        errors: Each broken rule with the place where, as `pointer` and `rule`.
        retry_after_s: How long the service asks to wait, in seconds; 0 where it does not say.
    """

    def __init__(
        self,
        title: str,
        detail: str,
        *,
        status: int | None = None,
        errors: tuple[dict[str, str], ...] = (),
        retry_after_s: float = 0.0,
    ) -> None:
        places = "".join(f"; {e.get('pointer')}: {e.get('rule')}" for e in errors)
        super().__init__(f"{title}: {detail}{places}")
        self.title = title
        self.detail = detail
        self.status = status
        self.errors = errors
        self.retry_after_s = retry_after_s


class InvalidError(ClientError):
    """What was asked breaks a rule: 400, 405, 413, 415 or 422."""


class UnauthorizedError(ClientError):
    """There is no key, or it is expired or revoked: 401."""


class ForbiddenError(ClientError):
    """The key lacks the scope: 403."""


class NotFoundError(ClientError):
    """Nothing is known of the customer, or there is no such decision: 404."""


class ConflictError(ClientError):
    """The decision is not for others to carry out: 409."""


class TooManyRequestsError(ClientError):
    """The key asks too often, however long the client waited: 429."""


class UnavailableError(ClientError):
    """Nothing answers, or no bundle serves, however often the client asked: 502, 503, 504."""


BY_STATUS: Final[dict[int, type[ClientError]]] = {
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: InvalidError,
    409: ConflictError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: TooManyRequestsError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
"""What is raised for a status; `ClientError` itself for any other, such as 500."""
