"""The command that runs a sandbox."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import click
from click.core import ParameterSource

from ingram_orders.cli import running
from ingram_orders.cli.ending import INTERRUPTED, WRONG, fail, tell
from ingram_orders.cli.output import progress
from ingram_orders.client import VARIABLES
from ingram_orders.errors import ConfigurationError
from ingram_orders.sandbox import Quota, Sandbox, Webhook
from ingram_orders.sandbox.faults import by_chance, check_rates, rates_of
from ingram_orders.sandbox.posting import FAULTS


def serve(
    *, quota: int | None, orders: int, faults: str, webhook: str | None, secret: str | None, webhook_faults: str,
    **settings: Any,
) -> None:  # fmt: skip
    """Run a sandbox until it is interrupted."""
    sandbox = Sandbox(quota=Quota(calls=quota) if quota else None, orders=orders, **settings)
    try:
        sandbox.fault = by_chance(rates_of(faults), seed=settings["seed"]) if faults else None
    except ValueError as wrong:
        fail(f"--faults: {wrong}", WRONG)
    if webhook is not None:
        sandbox.webhook = _webhook(webhook, secret, webhook_faults, variants=settings["quirks"])
    elif webhook_faults:
        fail("--webhook-faults needs --webhook", WRONG)
    elif click.get_current_context().get_parameter_source("secret") is ParameterSource.COMMANDLINE:
        fail("--secret needs --webhook", WRONG)  # in the environment it may be another command's
    try:
        running.run(_serve(sandbox, orders))
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)


def _webhook(url: str, secret: str | None, faults: str, *, variants: bool) -> Webhook:
    if not secret:
        fail("--webhook needs a secret: --secret, or INGRAM_WEBHOOK_SECRET", WRONG)
    try:
        rates = rates_of(faults, such_as="late=0.1")
        check_rates(rates, FAULTS)
    except ValueError as wrong:
        fail(f"--webhook-faults: {wrong}", WRONG)
    try:
        return Webhook(url=url, secret=secret, variants=variants, rates=rates)
    except ValueError as wrong:
        fail(f"--webhook: {wrong}", WRONG)


async def _serve(sandbox: Sandbox, orders: int) -> None:
    async with AsyncExitStack() as stack:
        try:
            with progress(f"making {orders:,} orders"):
                await stack.enter_async_context(sandbox)
        except (ConfigurationError, OSError) as wrong:
            fail(wrong, WRONG)
        values = {
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "customer_number": sandbox.customer_number,
            "country_code": sandbox.country_code,
            "base_url": sandbox.url,
        }
        tell(f"A sandbox of the Orders API listens at {sandbox.url}; interrupt it to stop. Paste:")
        for name, value in values.items():
            click.echo(f"export {VARIABLES[name]}={value}")
        await asyncio.Event().wait()
