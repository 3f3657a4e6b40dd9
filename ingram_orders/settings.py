"""What a client is set up with, tidied and checked; nothing is opened here."""

import ipaddress
import math
import re
from base64 import b64encode
from datetime import timedelta
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

from ingram_orders.errors import ConfigurationError, brief

INGRAM_PRODUCTION: Final = "https://api.ingrammicro.com:443"
"""The base URL of the API. Source: developer portal."""
INGRAM_SANDBOX: Final = f"{INGRAM_PRODUCTION}/sandbox"
"""Ingram's own sandbox: static answers. For one that behaves, see `ingram_orders.sandbox`."""

MAX_BODY: Final = 64 * 2**20
"""Bytes of an answer that are read at most, unless set; and of any, a million values."""


def checked_seconds(value: float, setting: str) -> float | None:
    """
    Give *value* as seconds; `None` for infinitely many.

    Raises:
        ConfigurationError: It is no length of time; the message names the setting.
    """
    try:
        seconds = math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):  # the last for an int of more than 308 digits
        seconds = math.nan
    if math.isnan(seconds):
        raise ConfigurationError(f"{setting} must be a number of seconds, not {brief(value)}")
    return None if seconds == math.inf else seconds


def checked_span(value: timedelta, setting: str) -> float:
    """
    Give *value* in seconds.

    Raises:
        ConfigurationError: It is no timedelta above 0; the message names the setting.
    """
    if not (isinstance(value, timedelta) and value > timedelta(0)):
        raise ConfigurationError(f"{setting} must be a timedelta above 0, not {brief(value)}")
    return value.total_seconds()


@frozen(kw_only=True)
class Timeouts:
    """How long to wait, in seconds; `None`, and infinity, are for ever."""

    connect: float | None = 10.0
    """For a connection: DNS, TLS and a proxy included. On a session that is lent, for TCP and TLS only."""
    read: float | None = 60.0
    """
    From when there is a connection until the answer's head is here, whole, and then between two pieces of its body. On
    a session that is lent, between two pieces of whatever the server sends, from when the request has gone out; until
    it has, only *total* counts there.
    """
    total: float | None = None
    """From `execute()` to its return, everything included; `execute(timeout=...)` overrides it for one call."""

    def __attrs_post_init__(self) -> None:
        for name in ("connect", "read", "total"):
            value = getattr(self, name)
            if value is None:
                continue
            seconds = checked_seconds(value, f"Timeouts.{name}")
            if seconds is not None and seconds <= 0:
                raise ConfigurationError(f"Timeouts.{name} must be more than 0 seconds, or None for no limit")
            object.__setattr__(self, name, seconds)


@frozen
class Credentials:
    """What a token is asked for with. Neither is ever shown."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


@frozen
class Proxy:
    """Through what to ask; its address may hold a password, and is never shown."""

    url: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "Proxy":
        """Check the address. Raises `ConfigurationError`, which shows nothing of it."""
        parts = _split(url, "proxy")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ConfigurationError("proxy must be http[s]://[user:password@]host[:port], and nothing behind it")
        return cls(url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What its address holds that is not to be shown: the password, and what is sent of it."""
        parts = urlsplit(self.url)
        if not parts.password:
            return ()
        user, password = unquote(parts.username or ""), unquote(parts.password)
        return password, b64encode(f"{user}:{password}".encode()).decode()


@frozen
class Endpoint:
    """Where to ask: the API's base URL and the token's."""

    base_url: str
    token_url: str

    @property
    def is_one_host(self) -> bool:
        """Whether both are on one host and port, and so have one clock."""
        return urlsplit(self.base_url).netloc == urlsplit(self.token_url).netloc

    @classmethod
    def of(cls, base_url: str, token_url: str | None, *, allow_http: bool) -> "Endpoint":
        """
        Tidy and check the two addresses.

        The token's never carries `/sandbox`; a base URL with `/sandbox` twice, or with slashes at its end, is mended.

        Raises:
            ConfigurationError: Not an address one can send secrets to.
        """
        parts = _checked_url(base_url, "base_url", allow_http=allow_http)
        path = re.sub(r"/+", "/", parts.path).rstrip("/")
        while path.endswith("/sandbox/sandbox"):
            path = path.removesuffix("/sandbox")
        root = f"{parts.scheme}://{parts.netloc}"
        if token_url is None:
            token_url = f"{root}{path.removesuffix('/sandbox')}/oauth/oauth20/token"
        else:
            _checked_url(token_url, "token_url", allow_http=allow_http)
        return cls(f"{root}{path}", token_url)


def _checked_url(url: str, setting: str, *, allow_http: bool) -> SplitResult:
    parts = _split(url, setting)
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"{setting} must have no user, query or fragment: addresses end up in logs")
    if parts.scheme == "http" and not (allow_http or _is_loopback(parts.hostname or "")):
        raise ConfigurationError(
            f"{setting} is http://, which would show secrets and orders to everyone on the way; "
            f"use https://, or allow_http=True if you must"
        )
    return parts


def _split(url: str, setting: str) -> SplitResult:
    if not isinstance(url, str) or not re.fullmatch(r"[!-~]*", url) or set(url) & set('\\{}<>"^`|'):
        raise ConfigurationError(f"{setting} must be text in ASCII, without blanks: https://host[:port][/path]")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:  # its own words show what may be a password
        raise ConfigurationError(f"{setting} is not an address: its host or port cannot be read") from None
    if parts.scheme not in {"https", "http"} or not host:
        raise ConfigurationError(f"{setting} must be https://host[:port][/path]")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name, and 127.evil.example is one
        return False
