"""The command line, through a pipe and through a real pseudo-terminal, against a sandbox that it runs itself."""

import csv
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from ingram_orders.builder import Query
from ingram_orders.cli.commands import ingram_orders
from ingram_orders.cli.options import explanations
from ingram_orders.operations import OPERATIONS, CancelOrder, CreateOrder, GetOrderDetails, ModifyOrder, SearchOrders

COMMAND: Final = [sys.executable, "-W", "error", "-m", "ingram_orders"]
HOLD: Final = [{"attributeName": "allowOrderOnCustomerHold", "attributeValue": "true"}]


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """What the sandbox prints to be pasted; it runs as long as the tests of this file."""
    with subprocess.Popen(
        [*COMMAND, "sandbox", "--port", "0", "--orders", "120"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(5)]
        yield dict(re.findall(r"export (\w+)=(\S+)\n", "".join(lines)))
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert told.endswith("ingram-orders: stopped\n")


def piped(settings: Mapping[str, str], *arguments: str, given: str = "") -> tuple[int, str, str]:
    """Run a command whose output goes to a pipe."""
    ran = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True, text=True, input=given, timeout=60, check=False, env={**os.environ, **settings},
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stdout, ran.stderr


def typed(
    settings: Mapping[str, str], *arguments: str, keys: str = "", interrupt_at: bytes | None = None
) -> tuple[int, str]:
    """Run a command in a terminal of 120 columns, in which *keys* are typed; it may be interrupted at what it shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
        env={**os.environ, **settings, "COLUMNS": "120", "TERM": "xterm-256color"},
    ) as running:  # fmt: skip
        os.close(theirs)
        os.write(ours, keys.encode())
        shown = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not some:
                break
            shown += some
            if interrupt_at is not None and interrupt_at in shown:
                running.send_signal(signal.SIGINT)
                interrupt_at = None
        running.wait(timeout=60)
    os.close(ours)
    assert b"Traceback" not in shown
    return running.returncode, shown.decode()


def order(number: str, **more: Any) -> str:
    lines = [{"ingramPartNumber": "2CD101", "quantity": 2, "unitPrice": 1439.90}]
    return json.dumps({"customerOrderNumber": number, "lines": lines, **more})


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_search_is_json_in_a_pipe_and_a_table_in_colour_in_a_terminal(settings: dict[str, str]) -> None:
    code, out, _ = piped(settings, "search", "--order-status", "ON HOLD", "--page-size", "3")
    found = json.loads(out)
    assert code == 0
    assert [it["orderStatus"] for it in found] == ["ON HOLD"] * 3
    code, shown = typed(settings, "search", "--order-status", "ON HOLD", "--page-size", "3")
    assert code == 0
    assert "\x1b[33mon hold" in shown
    for each in found:
        assert each["ingramOrderNumber"] in shown
        assert f"{each['orderTotal']:,.2f}" in shown


def test_every_page_is_searched_where_all_is_wanted(settings: dict[str, str]) -> None:
    window = ("--ingram-order-date-bt", "2000-01-01", "2100-01-01")
    _, out, _ = piped(settings, "search", *window, "--all", "--page-size", "50")
    numbers = [it["ingramOrderNumber"] for it in json.loads(out)]
    assert len(set(numbers)) == len(numbers) >= 120
    _, out, _ = piped(settings, "search", *window, "--all", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["ingram_order_number"] for row in rows} >= set(numbers)


def test_details_are_json_with_nothing_lost_or_a_table(settings: dict[str, str]) -> None:
    _, out, _ = piped(settings, "search", "--page-size", "1")
    number = json.loads(out)[0]["ingramOrderNumber"]
    code, out, _ = piped(settings, "details", number)
    assert (code, json.loads(out)["ingramOrderNumber"]) == (0, number)
    code, shown = typed(settings, "details", number)
    assert code == 0
    assert number in shown
    assert "Unit price" in shown


def test_people_are_shown_what_was_sent_and_how(settings: dict[str, str]) -> None:
    _, out, _ = piped(settings, "search", "--order-status", "INVOICED", "--page-size", "100")
    details = (json.loads(piped(settings, "details", it["ingramOrderNumber"])[1]) for it in json.loads(out))
    detail, shipment = next(
        (each, shipment)
        for each in details
        for shipment in each["lines"][0]["shipmentDetails"]
        if each["freightCharges"] and shipment["carrierDetails"]
    )
    code, shown = typed(settings, "details", detail["ingramOrderNumber"])
    assert code == 0
    carrier = shipment["carrierDetails"][0]
    for told in (
        carrier["trackingDetails"][0]["trackingNumber"], carrier["carrierName"], carrier["deliveredDate"],
        shipment["invoiceNumber"], f"(freight {detail['freightCharges']:,.2f})",
    ):  # fmt: skip
        assert told in shown


def test_every_filter_is_an_option_with_its_own_sentence() -> None:
    shown = CliRunner().invoke(ingram_orders, ["search", "--help"], terminal_width=200).output
    for param in SearchOrders.params():
        if isinstance(param, Query):
            assert f"--{param.name.replace('_', '-')} " in shown
            assert explanations(SearchOrders)[param.name][:40] in shown


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.operation)
def test_every_parameter_has_a_sentence(operation: Any) -> None:
    declared = {param.name for param in operation.params()}
    found = {name for class_ in operation.__mro__ if class_ is not object for name in explanations(class_)}
    assert declared <= found


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_placed_changed_released_and_another_cancelled(settings: dict[str, str], tmp_path: Path) -> None:
    code, out, _ = piped(settings, "create", "-", "--yes", given=order("CLI-1", additionalAttributes=HOLD))
    created = json.loads(out)
    number = created["orders"][0]["ingramOrderNumber"]
    assert (code, created["purchaseOrderTotal"]) == (0, 2879.8)
    change = tmp_path / "change.json"
    change.write_text('{"notes": "ring twice"}', "utf-8")
    code, out, _ = piped(settings, "modify", number, str(change), "--yes")
    assert (code, json.loads(out)["notes"]) == (0, "ring twice")
    assert piped(settings, "release", number, "--yes") == (0, "null\n", "")
    _, out, _ = piped(settings, "create", "-", "--yes", given=order("CLI-2", additionalAttributes=HOLD))
    other = json.loads(out)["orders"][0]["ingramOrderNumber"]
    assert piped(settings, "cancel", other, "--yes") == (0, "null\n", "")
    code, out, _ = piped(settings, "create", "-", "--yes", "--v7", given=order("CLI-7"))
    assert (code, json.loads(out)["message"]) == (0, "Your order is being processed.")


def test_people_are_told_what_became_of_their_order(settings: dict[str, str], tmp_path: Path) -> None:
    line, unknown = ({"ingramPartNumber": it, "quantity": 2} for it in ("2CD101", "NOPE"))
    file = tmp_path / "order.json"
    file.write_text(order("PEOPLE-1", additionalAttributes=HOLD, lines=[line, unknown]), "utf-8")
    code, shown = typed(settings, "create", str(file), "--yes")
    assert (code, "rejected: SKU-NOTFOUND NOPE" in shown) == (0, True)
    number = re.findall(r"20-\w{5}", shown)[0]
    update = {"ingramLineNumber": "001", "addUpdateDeleteLine": "UPDATE", "quantity": 5}
    file.write_text(json.dumps({"notes": "ring", "lines": [update, {**update, "ingramLineNumber": "7"}]}), "utf-8")
    code, shown = typed(settings, "modify", number, str(file), "--yes")
    assert code == 0
    for told in ("7,445.00", "notes: ring", "made", "rejected: ERROR-LINE-NOT-FOUND"):
        assert told in shown
    assert f"{number} is released" in typed(settings, "release", number, "--yes")[1]
    file.write_text(order("PEOPLE-2", additionalAttributes=HOLD), "utf-8")
    number = re.findall(r"20-\w{5}", typed(settings, "create", str(file), "--yes")[1])[0]
    assert f"{number} is cancelled" in typed(settings, "cancel", number, "--yes")[1]
    assert "Confirmation 16" in typed(settings, "create", str(file), "--yes", "--v7")[1]


def test_every_parameter_of_an_operation_is_an_option_but_what_is_set_otherwise(settings: dict[str, str]) -> None:
    for command, operation, otherwise in (
        ("search", SearchOrders, set[str]()),
        ("details", GetOrderDetails, {"order_number"}),
        ("create", CreateOrder, {"order_create_request"}),
        ("modify", ModifyOrder, {"order_number", "order_modify_request", "action_code"}),
        ("release", ModifyOrder, {"order_number", "order_modify_request", "action_code"}),
        ("cancel", CancelOrder, {"order_number"}),
    ):
        shown = CliRunner().invoke(ingram_orders, [command, "--help"], terminal_width=200).output
        for name in {it.name for it in operation.params()} - otherwise:
            assert f"--{name.removeprefix('im_').replace('_', '-')} " in shown.replace("--im-", "--")
    where = ("--region-code", "NA", "--im-correlation-id", "by-hand")
    _, out, _ = piped(settings, "create", "-", "--yes", *where[2:], given=order("CLI-8", additionalAttributes=HOLD))
    number = json.loads(out)["orders"][0]["ingramOrderNumber"]
    assert piped(settings, "cancel", number, "--yes", *where)[0] == 0
    with urlopen(f"{settings['INGRAM_BASE_URL']}/_sandbox/ledger") as answer:
        figures = json.load(answer)
    assert [it["operation"] for it in figures["writes"] if it["correlationId"] == "by-hand"] == ["create", "cancel"]


def test_a_key_that_the_api_does_not_have_is_warned_of_and_sent(settings: dict[str, str]) -> None:
    given = order("CLI-9", lines=[{"ingramPartNumber": "2CD101", "quantity": 2, "unitprice": 1}], shiptoInfo={})
    code, out, told = piped(settings, "create", "-", "--yes", given=given)
    assert (code, json.loads(out)["customerOrderNumber"]) == (0, "CLI-9")
    assert told.splitlines() == [
        "ingram-orders: <stdin>: shiptoInfo is no field of the API; sent as it is",
        "ingram-orders: <stdin>: lines[0].unitprice is no field of the API; sent as it is",
    ]


@pytest.mark.parametrize(("keys", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_person_is_asked_before_an_order_is_placed(
    settings: dict[str, str], tmp_path: Path, keys: str, code: int
) -> None:
    file = tmp_path / "order.json"
    file.write_text(order(f"ASKED-{code}-{len(keys)}"), "utf-8")
    got, shown = typed(settings, "create", str(file), keys=keys)
    assert got == code
    assert "(1 in `lines`)? [y/N]" in shown
    _, out, _ = piped(settings, "search", "--customer-order-number", f"ASKED-{code}-{len(keys)}")
    assert len(json.loads(out)) == (1 if code == 0 else 0)


def test_where_nobody_can_be_asked_nothing_is_done(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(order("UNASKED"), "utf-8")
    code, out, told = piped(settings, "create", str(file))
    assert (code, out) == (2, "")
    assert "--yes" in told


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────────

WRONG: Final[dict[str, tuple[tuple[str, ...], str, int]]] = {
    "a date that is none": (("search", "--ship-date-bt", "2026-01-01", "x"), "ship_date_bt: 'x' is not a date", 2),
    "a page size": (("search", "--page-size", "500"), "500 is not in the range", 2),
    "an option that is none": (("search", "--nope"), "No such option", 2),
    "an unknown order": (("details", "20-NOPE"), "404", 1),
    "a number that is none": (("details", ".."), "is not an order number", 2),
    "a country": (("search", "--country-code", "USA"), "im_country_code: 'USA'", 2),
    "credentials": (("search", "--client-secret", "not-shown-at-all"), "Client credentials are not valid", 1),
    "nobody there": (("search", "--base-url", "http://127.0.0.1:9"), "no token was to be had", 1),
    "an address": (("search", "--base-url", "ftp://x"), "base_url must be https", 2),
    "an empty address": (("search", "--base-url", ""), "--base-url is empty", 2),
    "two formats": (("search", "--csv", "--json"), "exclude each other", 2),
    "one page of all": (("search", "--all", "--page-number", "2"), "exclude each other", 2),
    "no file": (("create", "/nowhere.json", "--yes"), "No such file", 2),
    "no JSON": (("create", "-", "--yes"), "is not JSON", 2),
}


@pytest.mark.parametrize(("arguments", "says", "code"), WRONG.values(), ids=WRONG)
def test_what_goes_wrong_is_one_clear_line_and_an_exit_code(
    settings: dict[str, str], arguments: tuple[str, ...], says: str, code: int
) -> None:
    got, out, told = piped(settings, *arguments, given="{")
    assert (got, out) == (code, "")
    assert says in told
    assert "not-shown-at-all" not in told
    if not told.startswith("Usage:"):
        assert told.count("\n") == 1


def test_missing_settings_are_named_with_their_variables() -> None:
    bare = {f"INGRAM_{name}": "" for name in ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_NUMBER", "COUNTRY_CODE")}
    code, _, told = piped(bare, "search")
    assert code == 2
    for name in bare:
        assert name in told


def test_an_unknown_outcome_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from aiohttp import web\n"
        "from ingram_orders.sandbox import Sandbox\n"
        "async def fault(request, proceed):\n"
        "    return web.Response(status=502) if 'v6' in request.path else await proceed()\n"
        "async def main():\n"
        "    async with Sandbox(orders=0) as sandbox:\n"
        "        sandbox.fault = fault\n"
        "        print(sandbox.url, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        settings = {
            "INGRAM_BASE_URL": running.stdout.readline().strip(), "INGRAM_CLIENT_ID": "sandbox",
            "INGRAM_CLIENT_SECRET": "sandbox-secret", "INGRAM_CUSTOMER_NUMBER": "1", "INGRAM_COUNTRY_CODE": "US",
        }  # fmt: skip
        code, _, told = piped(settings, "create", "-", "--yes", given=order("PO-1"))
        running.kill()
    assert code == 3
    assert "look before sending it again" in told


def test_an_interruption_ends_at_once_and_without_a_traceback(settings: dict[str, str]) -> None:
    """As Ctrl-C does, while a server does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with subprocess.Popen(
            [*COMMAND, "search", "--base-url", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **settings},
        ) as running:  # fmt: skip
            server.settimeout(60)
            connection, _ = server.accept()
            running.send_signal(signal.SIGINT)
            out, told = running.communicate(timeout=60)
            connection.close()
    assert (running.returncode, out, told.strip()) == (130, "", "")


def test_who_interrupts_a_write_is_told_to_look() -> None:
    """The order may be placed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        settings = {f"INGRAM_{it}": "US" for it in ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_NUMBER", "COUNTRY_CODE")}
        with subprocess.Popen(
            [*COMMAND, "create", "-", "--yes", "--base-url", url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **settings},
        ) as running:  # fmt: skip
            assert running.stdin is not None
            running.stdin.write(order("PO-9"))
            running.stdin.close()
            server.settimeout(60)
            connection, _ = server.accept()
            running.send_signal(signal.SIGINT)
            running.wait(timeout=60)
            assert running.stderr is not None
            told = running.stderr.read()
            connection.close()
    assert running.returncode == 130
    assert told == "ingram-orders: interrupted; order PO-9 may have taken effect, so look before doing it again\n"


def test_what_the_api_says_is_no_markup_and_no_order_to_the_terminal(settings: dict[str, str]) -> None:
    number = "[/red]\x1b[2J"
    code, out, told = piped(settings, "create", "-", "--yes", given=order(number))
    assert (code, told) == (0, "")
    placed = json.loads(out)["orders"][0]["ingramOrderNumber"]
    code, shown = typed(settings, "search", "--ingram-order-number", placed)
    assert code == 0
    assert "[/red]\N{REPLACEMENT CHARACTER}[2J" in shown
    assert "\x1b[2J" not in shown


def test_a_terminal_without_an_umlaut_is_shown_something_all_the_same(settings: dict[str, str]) -> None:
    ship_to = {"companyName": "KÖNIG", "city": "GÖTTINGEN"}
    _, out, _ = piped(settings, "create", "-", "--yes", given=order("PO-UMLAUT", shipToInfo=ship_to))
    placed = json.loads(out)["orders"][0]["ingramOrderNumber"]
    code, shown = typed({**settings, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}, "details", placed)
    assert code == 0
    assert "TTINGEN" in shown


def test_a_full_disk_is_one_line(settings: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ran = subprocess.run(
            [*COMMAND, "search"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            env={**os.environ, **settings},
        )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "No space left" in ran.stderr


def test_ctrl_c_at_a_question_is_an_interruption(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(order("PO-C"), "utf-8")
    code, _ = typed(settings, "create", str(file), interrupt_at=b"[y/N]")
    assert code == 130


def test_a_reader_that_has_seen_enough_is_no_failure(settings: dict[str, str]) -> None:
    """As `| head -1` is."""
    window = ("--ingram-order-date-bt", "2000-01-01", "2100-01-01")
    with subprocess.Popen(
        [*COMMAND, "search", *window, "--all", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **settings},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        running.stdout.close()
        _, told = running.communicate(timeout=60)
    assert b"Traceback" not in told
    assert b"Exception" not in told
    assert running.returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_a_shell(shell: str) -> None:
    printed = CliRunner().invoke(ingram_orders, ["completion", shell]).output
    assert "_INGRAM_ORDERS_COMPLETE" in printed
