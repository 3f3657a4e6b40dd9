"""
A server on this machine that behaves like the Orders API: for demos, for our tests, and for users' own.

It shares no code with the client's models, operations or converters, so that two wrongs cannot agree.
"""

from ingram_orders.sandbox import faults
from ingram_orders.sandbox.catalogue import Product
from ingram_orders.sandbox.ledger import Ledger, Posted, Received, Written
from ingram_orders.sandbox.orders import Manners
from ingram_orders.sandbox.posting import Webhook
from ingram_orders.sandbox.quotas import Quota
from ingram_orders.sandbox.server import Sandbox

__all__ = ["Ledger", "Manners", "Posted", "Product", "Quota", "Received", "Sandbox", "Webhook", "Written", "faults"]
