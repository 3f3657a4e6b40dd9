"""Clients for servers that tests run."""

from typing import Unpack

from ingram_orders import OrdersClient, Settings
from support.raw_server import RawServer

SECRET = "never-shown-secret"


def client_for(server: RawServer, **settings: Unpack[Settings]) -> OrdersClient:
    """Give a client for a raw server, with defaults that let every operation pass its checks, and no limiter."""
    settings.setdefault("limiter", None)
    settings.setdefault("base_url", server.url)
    settings.setdefault("customer_number", "20-222222")
    settings.setdefault("country_code", "US")
    return OrdersClient("client-id", SECRET, **settings)
