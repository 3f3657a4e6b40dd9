"""How the sandbox says no."""

import json
import secrets
from collections.abc import Mapping
from random import Random
from typing import Any, Final


class Refused(Exception):  # noqa: N818  # an answer of the API, not a fault of ours
    """The API refuses: status and errors as it answers them."""

    def __init__(
        self, status: int, message: str, *fields: tuple[str, object, str], kind: str = "validation-failed"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = f"/errors/{kind}"
        self.message = message
        self.fields = [{"field": field, "value": _told(value), "message": text} for field, value, text in fields]


def invalid(field: str, value: object, why: str) -> Refused:
    """Give the refusal of a request in which one thing is not right."""
    return Refused(400, "Validation failed", (field, value, why))


def _told(value: object) -> str:
    """A value is text in the published shape, whatever it was."""
    return value if isinstance(value, str) else "" if value is None else str(value)[:100]


def refusal(refused: Refused, *, v7: bool) -> dict[str, Any]:
    """Give the body that the API refuses with; creates of v7 name its id otherwise."""
    error: dict[str, Any] = {"traceid" if v7 else "id": secrets.token_hex(8)}
    error.update(type=refused.kind, message=refused.message)
    if refused.fields:
        error["fields"] = refused.fields
    return {"errors": [error]}


def odd_refusal(refused: Refused, pick: Random) -> str:
    """Give a body in one of the other ways in which the API is seen to refuse."""
    return pick.choice(
        (
            json.dumps({"errors": [{"traceid": "0", "1ype": refused.kind, "message": refused.message}]}),
            json.dumps({"errors": [{"id": "0", "type": refused.kind, "messaage": refused.message, "fields": None}]}),
            json.dumps({"errors": [{"message": refused.message}]}),
            json.dumps([{"message": refused.message}]),
            json.dumps({"message": refused.message}),
            f"<html><body><h1>{refused.status}</h1></body></html>",
            refused.message,
            "",
        )
    )


def gateway_fault(why: str, code: str = "messaging.adaptors.http.flow.NoRoute") -> dict[str, Any]:
    """Give the body with which the gateway refuses what never gets to the API."""
    return {"fault": {"faultstring": why, "detail": {"errorcode": code}}}


UNAUTHORIZED: Final[Mapping[str, dict[str, Any]]] = {
    "fault": gateway_fault("Invalid Access Token", "keymanagement.service.invalid_access_token"),
    "flat fault": {"faultcode": "Server", "faultstring": "Access Token expired"},
    "oauth": {"error": "invalid_token", "error_description": "The access token is not valid"},
    "message": {"message": "Unauthorized"},
    "no product": gateway_fault("Invalid API call as no apiproduct match found", "keymanagement.service.no_product"),
}
"""Every shape of a 401 that is known; the last is of an app without access, which no token cures."""

_QUOTA: Final = {"errors": [{"message": "The quota limit exceeds for calls on your API app."}]}
QUOTA_EXCEEDED: Final[tuple[tuple[int, dict[str, Any]], ...]] = (
    (429, {"errors": [{"field": None, "message": "too many requests"}]}),
    (429, _QUOTA),
    (403, _QUOTA),
)
"""Status and body: the portal's, and those seen in production."""
