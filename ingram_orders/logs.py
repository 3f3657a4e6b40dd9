"""Log lines, none of which may cost an answer: a filter or a handler of somebody's own may fail."""

import logging
from contextlib import suppress


def tell(log: logging.Logger, level: int, message: str, *facts: object, error: BaseException | None = None) -> None:
    """Write a line, as `Logger.log` does, where that can be done; and where an *error* comes from."""
    with suppress(Exception):
        log.log(level, message, *facts, exc_info=error)
