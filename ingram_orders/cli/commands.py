"""The commands, and what they have in common."""

import asyncio

import click
from rich.console import Console

from ingram_orders._version import __version__
from ingram_orders.cli.demo import working_day


@click.group()
@click.version_option(__version__, prog_name="ingram-orders")
def ingram_orders() -> None:
    """Ingram Micro's reseller Orders API from the command line."""


@ingram_orders.command()
@click.option("--seed", default=1, show_default=True, help="What the sandbox's orders are made from.")
@click.option("--orders", default=40, show_default=True, type=click.IntRange(0, 10_000), help="How many there are.")
def demo(seed: int, orders: int) -> None:
    """
    Show a working day against a sandbox on this machine.

    Starts a server that behaves like the Orders API, and does with it what a reseller does: searches, reads, places,
    changes, releases and cancels orders. Nothing leaves this machine, and no account is needed.
    """
    # Rich would colour every number in the text, and cut amounts without a mark where the terminal is narrow.
    console = Console(highlight=False)
    console.width = max(console.width, 80)
    asyncio.run(working_day(console, seed=seed, orders=orders))
