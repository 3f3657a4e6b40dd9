"""Beside what the library is measured, and with which of its extras; imports none of the peers."""

from typing import Final

from benchmarks.measuring import alone
from ingram_orders import exact_json

SDK: Final = "official SDK"
MSGSPEC: Final = "msgspec, typed"
AIOHTTP: Final = "bare aiohttp + json.loads"

WHO: Final = ("20-222222", "US", "c0ffee")
"""Customer number, country and correlation id of every call."""

STANDARD: Final = "standard library"
FAST: Final = "with `speed`"


def speeds() -> dict[str, bool]:
    """
    Tell with what the library can read JSON here: by what rows are to say, whether it is to use its extra `speed`.

    Raises:
        RuntimeError: It uses the extra although it was told not to.
    """
    if alone(reads_with, speed=False) != STANDARD:
        raise RuntimeError("the extra cannot be switched off")
    return {STANDARD: False} | ({FAST: True} if alone(reads_with) == FAST else {})


def reads_with() -> str:
    """Tell with what the library reads JSON in this process."""
    return STANDARD if not exact_json.is_fast() else FAST
