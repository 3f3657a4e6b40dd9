"""What the token endpoint answers, without a socket."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import json_values

from ingram_orders import AuthenticationError, ConnectionFailedError
from ingram_orders.exact_json import write_json
from ingram_orders.wire import UNTOLD_LIFETIME, decode_token


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        ("86399", 86399),
        (86399, 86399),
        (0.5, 0.5),
        (None, UNTOLD_LIFETIME),
        ("soon", UNTOLD_LIFETIME),
        (-5, UNTOLD_LIFETIME),
        (True, UNTOLD_LIFETIME),
        ("9" * 400, UNTOLD_LIFETIME),
        ([], UNTOLD_LIFETIME),
    ],
    ids=repr,
)
def test_a_tokens_lifetime_is_text_or_a_number(expires_in: Any, lifetime: float) -> None:
    token = decode_token(200, {}, json.dumps({"access_token": "t", "expires_in": expires_in}).encode())
    assert (token.access_token, token.lifetime) == ("t", lifetime)


@given(st.binary() | json_values.map(write_json), st.integers(100, 999))
def test_no_token_answer_raises_anything_but_our_errors(body: bytes, status: int) -> None:
    with contextlib.suppress(AuthenticationError, ConnectionFailedError):
        decode_token(status, {}, body)
