"""The command line, `ingram-orders`; needs the extra `cli`."""

import os
import sys


def main() -> None:
    """Run the command line, or say what it needs; ends with the exit code that `calls` tells of."""
    try:
        _main()
    except KeyboardInterrupt:
        sys.exit(130)


def _main() -> None:
    # A stream that was closed before we began is none: what is written to it goes nowhere, and nothing is to be read.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  # as long as we run
    try:
        import click

        from ingram_orders.cli.commands import ingram_orders
        from ingram_orders.cli.ending import INTERRUPTED, fail, output_failed
        from ingram_orders.cli.output import choose_encodings
    except ModuleNotFoundError as missing:
        if missing.name not in {"click", "rich"}:
            raise
        print(f"the command line needs {missing.name}: pip install 'ingram-orders[cli]'", file=sys.stderr)
        sys.exit(2)
    choose_encodings()
    try:
        code = ingram_orders.main(prog_name="ingram-orders", standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that has gone, or a full disk, is noticed
    except click.UsageError as wrong:
        where = wrong.ctx.command_path if wrong.ctx else "ingram-orders"
        fail(f"{wrong.format_message()} (see `{where} --help`)", wrong.exit_code)
    except click.ClickException as wrong:
        fail(wrong.format_message(), wrong.exit_code)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except OSError as failed:
        output_failed(failed)
    sys.exit(code)
