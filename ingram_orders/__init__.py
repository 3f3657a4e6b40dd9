"""
An async client for Ingram Micro's reseller Orders API.

    async with OrdersClient.from_env() as orders:
        page = await orders.search().order_status("SHIPPED").page_size(100).execute()
        detail = await orders.details("20-RD3QV").execute()

Requests are built by setters and sent by `execute`; models are attrs classes; every error is an `IngramError`.
"""

from ingram_orders import models
from ingram_orders._version import __version__
from ingram_orders.builder import Request, Response
from ingram_orders.client import OrdersClient, Settings
from ingram_orders.confirming import Confirmation
from ingram_orders.converters import structure, unstructure
from ingram_orders.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    DuplicateEventError,
    DuplicateOrderError,
    ErrorDetail,
    ErrorField,
    EventTooLargeError,
    InboxFullError,
    IngramError,
    InvalidRequestError,
    NotFoundError,
    NotOnHoldError,
    OrderEndedError,
    OrderRefusedError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    SignatureError,
    UnreadableAnswerError,
    UnreadableEventError,
    WebhookError,
)
from ingram_orders.fanout import FanOut, SearchResult, for_each, for_each_customer, split_by_date
from ingram_orders.inbox import WebhookInbox
from ingram_orders.journal import OpenPlacement, OrderJournal, PlacementKey
from ingram_orders.limiter import Limiter, RateLimit
from ingram_orders.models import *  # noqa: F403  # every model is public, and listed there
from ingram_orders.oauth import TokenSource
from ingram_orders.operations import (
    CancelOrder,
    CreateOrder,
    CreateOrderV7,
    GetOrderDetails,
    GetVendorRequiredInfo,
    ModifyOrder,
    SearchOrders,
)
from ingram_orders.paginator import Drift, Paginator
from ingram_orders.placing_v6 import PlacedOrder
from ingram_orders.placing_v7 import PlacedOrderV7
from ingram_orders.polling import PollProblem, PollStats, StatusChanges
from ingram_orders.receiving import WebhookHandler, webhook_handler
from ingram_orders.resolving import Resolution
from ingram_orders.retry import RetryPolicy
from ingram_orders.seen import SeenEvents, SeenInFile, SeenInMemory
from ingram_orders.settings import INGRAM_PRODUCTION, INGRAM_SANDBOX, Timeouts
from ingram_orders.status_store import StatusStore
from ingram_orders.vendor_info import fill_in_vendor_info
from ingram_orders.watched import StatusChange
from ingram_orders.webhooks import (
    OrderCreatedEvent,
    OrderFailedEvent,
    OrderStatusEvent,
    UnknownEvent,
    WebhookEvent,
)

__all__ = [
    "INGRAM_PRODUCTION",
    "INGRAM_SANDBOX",
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "CancelOrder",
    "ConfigurationError",
    "Confirmation",
    "ConnectionFailedError",
    "ConnectionLostError",
    "CreateOrder",
    "CreateOrderV7",
    "DeadlineExceededError",
    "Drift",
    "DuplicateEventError",
    "DuplicateOrderError",
    "ErrorDetail",
    "ErrorField",
    "EventTooLargeError",
    "FanOut",
    "GetOrderDetails",
    "GetVendorRequiredInfo",
    "InboxFullError",
    "IngramError",
    "InvalidRequestError",
    "Limiter",
    "ModifyOrder",
    "NotFoundError",
    "NotOnHoldError",
    "OpenPlacement",
    "OrderCreatedEvent",
    "OrderEndedError",
    "OrderFailedEvent",
    "OrderJournal",
    "OrderRefusedError",
    "OrderStatusEvent",
    "OrdersClient",
    "OutcomeUnknownError",
    "Paginator",
    "PermissionDeniedError",
    "PlacedOrder",
    "PlacedOrderV7",
    "PlacementKey",
    "PollProblem",
    "PollStats",
    "RateLimit",
    "RateLimitedError",
    "Request",
    "Resolution",
    "Response",
    "RetryPolicy",
    "SearchOrders",
    "SearchResult",
    "SeenEvents",
    "SeenInFile",
    "SeenInMemory",
    "ServerError",
    "Settings",
    "SignatureError",
    "StatusChange",
    "StatusChanges",
    "StatusStore",
    "Timeouts",
    "TokenSource",
    "UnknownEvent",
    "UnreadableAnswerError",
    "UnreadableEventError",
    "WebhookError",
    "WebhookEvent",
    "WebhookHandler",
    "WebhookInbox",
    "__version__",
    "fill_in_vendor_info",
    "for_each",
    "for_each_customer",
    "split_by_date",
    "structure",
    "unstructure",
    "webhook_handler",
]
__all__ += models.__all__
