"""Clients for servers that tests run."""

from typing import Unpack

from ingram_orders import OrdersClient, RetryPolicy, Settings
from support.raw_server import RawServer

SECRET = "never-shown-secret"
ONCE = RetryPolicy(attempts=1)


def client_for(server: RawServer, **settings: Unpack[Settings]) -> OrdersClient:
    """Give a client for a raw server, with what lets every operation pass its checks; it sends once, unlimited."""
    settings.setdefault("limiter", None)
    settings.setdefault("retry", ONCE)
    settings.setdefault("base_url", server.url)
    settings.setdefault("customer_number", "20-222222")
    settings.setdefault("country_code", "US")
    return OrdersClient("client-id", SECRET, **settings)
