"""The command line, `ingram-orders`; needs the extra `cli`."""

import sys


def main() -> None:
    """Run the command line, or say what it needs."""
    try:
        from ingram_orders.cli.commands import ingram_orders
    except ModuleNotFoundError as missing:
        if missing.name not in {"click", "rich"}:
            raise
        print(f"the command line needs {missing.name}: pip install 'ingram-orders[cli]'", file=sys.stderr)
        sys.exit(2)
    ingram_orders(prog_name="ingram-orders")
