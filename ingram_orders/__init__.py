"""
An async client for Ingram Micro's reseller Orders API.

    async with OrdersClient.from_env() as orders:
        page = await orders.search().order_status("SHIPPED").page_size(100).execute()
        detail = await orders.details("20-RD3QV").execute()

Requests are built by setters and sent by `execute`; models are attrs classes; every error is an `IngramError`.
"""

# ruff: noqa: I001  # which would give each name a line of its own below
from typing import TYPE_CHECKING

from ingram_orders import models as models
from ingram_orders._version import __version__ as __version__
from ingram_orders.lazy import lazy_names

# What type checkers and editors see, for whom `X as X` is public; a test compares it with what is loaded, below.
if TYPE_CHECKING:
    from ingram_orders.builder import Request as Request, Response as Response
    from ingram_orders.client import OrdersClient as OrdersClient, Settings as Settings
    from ingram_orders.confirming import Confirmation as Confirmation
    from ingram_orders.converters import structure as structure, unstructure as unstructure
    from ingram_orders.errors import (
        ApiError as ApiError,
        AuthenticationError as AuthenticationError,
        BadRequestError as BadRequestError,
        ConfigurationError as ConfigurationError,
        ConnectionFailedError as ConnectionFailedError,
        ConnectionLostError as ConnectionLostError,
        DeadlineExceededError as DeadlineExceededError,
        DuplicateEventError as DuplicateEventError,
        DuplicateOrderError as DuplicateOrderError,
        ErrorDetail as ErrorDetail,
        ErrorField as ErrorField,
        EventTooLargeError as EventTooLargeError,
        InboxFullError as InboxFullError,
        IngramError as IngramError,
        InvalidRequestError as InvalidRequestError,
        NotFoundError as NotFoundError,
        NotOnHoldError as NotOnHoldError,
        OrderEndedError as OrderEndedError,
        OrderRefusedError as OrderRefusedError,
        OutcomeUnknownError as OutcomeUnknownError,
        PermissionDeniedError as PermissionDeniedError,
        RateLimitedError as RateLimitedError,
        ServerError as ServerError,
        SignatureError as SignatureError,
        UnreadableAnswerError as UnreadableAnswerError,
        UnreadableEventError as UnreadableEventError,
        WebhookError as WebhookError,
    )
    from ingram_orders.fanout import (
        FanOut as FanOut,
        SearchResult as SearchResult,
        for_each as for_each,
        for_each_customer as for_each_customer,
        split_by_date as split_by_date,
    )
    from ingram_orders.inbox import WebhookInbox as WebhookInbox
    from ingram_orders.journal import (
        OpenPlacement as OpenPlacement,
        OrderJournal as OrderJournal,
        PlacementKey as PlacementKey,
    )
    from ingram_orders.limiter import Limiter as Limiter, RateLimit as RateLimit
    from ingram_orders.models import *  # noqa: F403  # every model is public, and listed there
    from ingram_orders.oauth import TokenSource as TokenSource
    from ingram_orders.operations import (
        CancelOrder as CancelOrder,
        CreateOrder as CreateOrder,
        CreateOrderV7 as CreateOrderV7,
        GetOrderDetails as GetOrderDetails,
        GetVendorRequiredInfo as GetVendorRequiredInfo,
        ModifyOrder as ModifyOrder,
        SearchOrders as SearchOrders,
    )
    from ingram_orders.paginator import Drift as Drift, Paginator as Paginator
    from ingram_orders.placing_v6 import PlacedOrder as PlacedOrder
    from ingram_orders.placing_v7 import PlacedOrderV7 as PlacedOrderV7
    from ingram_orders.polling import PollProblem as PollProblem, PollStats as PollStats, StatusChanges as StatusChanges
    from ingram_orders.receiving import WebhookHandler as WebhookHandler, webhook_handler as webhook_handler
    from ingram_orders.resolving import Resolution as Resolution
    from ingram_orders.retry import RetryPolicy as RetryPolicy
    from ingram_orders.seen import SeenEvents as SeenEvents, SeenInFile as SeenInFile, SeenInMemory as SeenInMemory
    from ingram_orders.settings import (
        INGRAM_PRODUCTION as INGRAM_PRODUCTION,
        INGRAM_SANDBOX as INGRAM_SANDBOX,
        Timeouts as Timeouts,
    )
    from ingram_orders.status_store import StatusStore as StatusStore
    from ingram_orders.vendor_info import fill_in_vendor_info as fill_in_vendor_info
    from ingram_orders.watched import StatusChange as StatusChange
    from ingram_orders.webhooks import (
        OrderCreatedEvent as OrderCreatedEvent,
        OrderFailedEvent as OrderFailedEvent,
        OrderStatusEvent as OrderStatusEvent,
        UnknownEvent as UnknownEvent,
        WebhookEvent as WebhookEvent,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "_version": ["__version__"],
            "builder": ["Request", "Response"],
            "client": ["OrdersClient", "Settings"],
            "confirming": ["Confirmation"],
            "converters": ["structure", "unstructure"],
            "errors": [
                "ApiError",
                "AuthenticationError",
                "BadRequestError",
                "ConfigurationError",
                "ConnectionFailedError",
                "ConnectionLostError",
                "DeadlineExceededError",
                "DuplicateEventError",
                "DuplicateOrderError",
                "ErrorDetail",
                "ErrorField",
                "EventTooLargeError",
                "InboxFullError",
                "IngramError",
                "InvalidRequestError",
                "NotFoundError",
                "NotOnHoldError",
                "OrderEndedError",
                "OrderRefusedError",
                "OutcomeUnknownError",
                "PermissionDeniedError",
                "RateLimitedError",
                "ServerError",
                "SignatureError",
                "UnreadableAnswerError",
                "UnreadableEventError",
                "WebhookError",
            ],
            "fanout": ["FanOut", "SearchResult", "for_each", "for_each_customer", "split_by_date"],
            "inbox": ["WebhookInbox"],
            "journal": ["OpenPlacement", "OrderJournal", "PlacementKey"],
            "limiter": ["Limiter", "RateLimit"],
            "models": models.__all__,
            "oauth": ["TokenSource"],
            "operations": [
                "CancelOrder",
                "CreateOrder",
                "CreateOrderV7",
                "GetOrderDetails",
                "GetVendorRequiredInfo",
                "ModifyOrder",
                "SearchOrders",
            ],
            "paginator": ["Drift", "Paginator"],
            "placing_v6": ["PlacedOrder"],
            "placing_v7": ["PlacedOrderV7"],
            "polling": ["PollProblem", "PollStats", "StatusChanges"],
            "receiving": ["WebhookHandler", "webhook_handler"],
            "resolving": ["Resolution"],
            "retry": ["RetryPolicy"],
            "seen": ["SeenEvents", "SeenInFile", "SeenInMemory"],
            "settings": ["INGRAM_PRODUCTION", "INGRAM_SANDBOX", "Timeouts"],
            "status_store": ["StatusStore"],
            "vendor_info": ["fill_in_vendor_info"],
            "watched": ["StatusChange"],
            "webhooks": ["OrderCreatedEvent", "OrderFailedEvent", "OrderStatusEvent", "UnknownEvent", "WebhookEvent"],
        },
    )
