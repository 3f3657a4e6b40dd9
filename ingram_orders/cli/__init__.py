"""The command line, `ingram-orders`; needs the extra `cli`."""

import io
import os
import sys


def main() -> None:
    """Run the command line, or say what it needs; ends with the exit code that `calls` tells of."""
    try:
        import click

        from ingram_orders.cli.calls import INTERRUPTED, REFUSED, end_output
        from ingram_orders.cli.commands import ingram_orders
    except ModuleNotFoundError as missing:
        if missing.name not in {"click", "rich"}:
            raise
        print(f"the command line needs {missing.name}: pip install 'ingram-orders[cli]'", file=sys.stderr)
        sys.exit(2)
    if sys.stdout is None:  # closed before we began
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without an umlaut is shown something all the same
    try:
        code = ingram_orders.main(prog_name="ingram-orders", standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that has gone, or a full disk, is noticed
    except click.ClickException as wrong:
        wrong.show()
        code = wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except OSError as failed:
        print(f"ingram-orders: {failed}", file=sys.stderr)
        end_output()
        code = REFUSED
    sys.exit(code)
