"""The command line, through a pipe and through a real pseudo-terminal, against a sandbox that it runs itself."""

import base64
import csv
import hmac
import io
import json
import os
import pty
import queue
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from ingram_orders import OrderStatus, OrderStatusEvent, webhooks
from ingram_orders.builder import Query
from ingram_orders.cli import main
from ingram_orders.cli.commands import ingram_orders
from ingram_orders.cli.options import explanations
from ingram_orders.operations import OPERATIONS, CancelOrder, CreateOrder, GetOrderDetails, ModifyOrder, SearchOrders
from ingram_orders.sandbox.posting import FAULTS

COMMAND: Final = [sys.executable, "-W", "error", "-m", "ingram_orders"]
HOLD: Final = [{"attributeName": "allowOrderOnCustomerHold", "attributeValue": "true"}]


@contextmanager
def served(*options: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """Run a sandbox as a command; give it, and what it prints to be pasted."""
    with subprocess.Popen(
        [*COMMAND, "sandbox", "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell may have it ignored
    ) as running:  # fmt: skip
        try:
            assert running.stdout is not None
            lines = [running.stdout.readline() for _ in range(5)]
            yield running, dict(re.findall(r"export (\w+)=(\S+)\n", "".join(lines)))
        finally:
            running.kill()


@contextmanager
def answering(status: int, body: str) -> Iterator[dict[str, str]]:
    """Run a server that grants a token, and gives everything else one answer; give the settings for it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_token = self.path.startswith("/oauth")
            content = b'{"access_token": "t"}' if is_token else body.encode()
            self.send_response(200 if is_token else status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        names = ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_NUMBER")
        try:
            yield {
                **{f"INGRAM_{it}": "x" for it in names}, "INGRAM_COUNTRY_CODE": "US",
                "INGRAM_BASE_URL": f"http://127.0.0.1:{server.server_port}",
            }  # fmt: skip
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """What the sandbox prints to be pasted; it runs as long as the tests of this file."""
    with served("--orders", "120") as (running, printed):
        yield printed
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert told.endswith("ingram-orders: stopped\n")


def piped(settings: Mapping[str, str], *arguments: str, given: str = "") -> tuple[int, str, str]:
    """Run a command whose output goes to a pipe; in this process, since to start another takes longer than to run."""
    streams = {}
    for name, text in {"stdin": given, "stdout": "", "stderr": ""}.items():
        raw = io.BytesIO(text.encode())
        raw.name = f"<{name}>"  # as those of a process have
        streams[name] = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "argv", ["ingram-orders", *arguments])
        for name, value in settings.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    assert isinstance(code, int | None)
    told, beside = (streams[it].buffer.getvalue().decode() for it in ("stdout", "stderr"))
    assert "Traceback" not in beside
    return code or 0, told, beside


def typed(
    settings: Mapping[str, str],
    *arguments: str,
    keys: str = "",
    interrupt_at: bytes | None = None,
    columns: int = 120,
    rows: int = 40,
) -> tuple[int, str]:
    """Run a command in a terminal, in which *keys* are typed; it may be interrupted at what it shows."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
        env={**os.environ, **settings, "COLUMNS": str(columns), "LINES": str(rows), "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, keys.encode())
    shown = b""
    until, interrupt_from = time.monotonic() + 60, 0.0
    try:
        while time.monotonic() < until:
            if interrupt_at is not None and interrupt_at in shown and time.monotonic() >= interrupt_from:
                running.send_signal(signal.SIGINT)  # again, if it came before anybody read: so do people
                interrupt_from = time.monotonic() + 3
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    some = os.read(ours, 65536)
                except OSError:  # Linux says so when the other end is closed
                    break
                shown += some
                if not some:
                    break
        running.wait(timeout=60)
    finally:
        running.kill()
        running.wait()
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


# ── Watching ────────────────────────────────────────────────────────────────────────────────────────────────────────


def held_order(settings: dict[str, str], number: str) -> str:
    """Place an order that stays on hold, and give Ingram's number of it."""
    _, out, _ = piped(settings, "create", "-", "--yes", given=order(number, additionalAttributes=HOLD))
    return str(json.loads(out)["orders"][0]["ingramOrderNumber"])


def test_watching_gives_a_line_for_each_change_and_ends_when_all_is_final(settings: dict[str, str]) -> None:
    numbers = [held_order(settings, f"WATCH-{it}") for it in range(3)]
    for number in numbers:
        piped(settings, "cancel", number, "--yes")
    code, out, _ = piped(settings, "watch", "--initial", numbers[0], "-", given="\n".join(["", *numbers, ""]))
    changes = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert sorted(it["orderNumber"] for it in changes if it["subOrderNumber"] is None) == sorted(numbers)
    assert {(it["before"], it["after"]) for it in changes} == {(None, "CANCELLED")}
    assert all(it["order"]["ingramOrderNumber"] == it["orderNumber"] for it in changes)
    assert piped(settings, "watch", *numbers)[:2] == (0, "")


def test_watching_is_interrupted_cleanly_and_another_run_goes_on(settings: dict[str, str], tmp_path: Path) -> None:
    number, store = held_order(settings, "WATCH-ON"), tmp_path / "status.db"
    arguments = [*COMMAND, "watch", number, "--every", "10s", "--initial", "--store", str(store)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **settings},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:  # fmt: skip
        assert running.stdout is not None
        lines = [json.loads(running.stdout.readline()) for _ in range(2)]  # of the order, and of its one part
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    assert [(it["subOrderNumber"], it["after"]) for it in lines] == [(None, "ON_HOLD"), (f"{number}-11", "ON_HOLD")]
    assert running.returncode == 130
    assert told == f"ingram-orders: stopped after 2 changes; {store} knows how to go on\n"
    piped(settings, "cancel", number, "--yes")
    code, out, _ = piped(settings, "watch", number, "--every", "1s", "--slowest", "1s", "--store", str(store))
    changes = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    # The last one before may come again: it was told, and nobody came back for the next.
    assert [(it["subOrderNumber"], it["before"], it["after"]) for it in changes[-2:]] == [
        (None, "ON_HOLD", "CANCELLED"),
        (f"{number}-11", "ON_HOLD", "CANCELLED"),
    ]
    assert len(changes) <= 3


def test_people_who_watch_see_a_table_that_lives(settings: dict[str, str]) -> None:
    code, shown = typed(settings, "watch", "--initial", "--every", "1h", interrupt_at=b"Next")
    assert code == 130
    assert re.search(r"\d+ changes", shown)
    assert re.search(r"Round 1 .* \d+ watched; \d+ calls, \d+ changes, 0 problems", shown)
    assert re.search(r"ingram-orders: stopped after \d+ changes\r\n$", shown)


def test_how_far_it_is_is_seen_on_the_smallest_terminal(settings: dict[str, str]) -> None:
    _, shown = typed(settings, "watch", "--initial", "--every", "1h", interrupt_at=b"Next", columns=40, rows=12)
    frames = shown.split("\x1b[2K")[:-1]  # each but the last, which is drawn whole
    assert any("Next" in frame and re.search(r"\d+ changes", frame) for frame in frames)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["20-A", "--order-status", "SHIPPED"], "numbers and a search exclude each other"),
        (["20-A", "--every", "5x"], "'5x' is not a time as 90s, 5m, 2h or 1d"),
        (["20-A", "--every", "0m"], "'0m' is not a time"),
        (["20-A", "--every", "2h", "--slowest", "1h"], "slowest must not be shorter than every"),
        (["20-A", "--store", __file__], "cannot be opened: file is not a database"),
        (["20-A", "--store", ""], "a status store must be a file"),
        (["a number that is too long"], "characters long"),
        (["--ship-date-bt", "2026-01-02", "2026-01-01"], "--ship-date-bt: the first date"),
    ],
)
def test_what_cannot_be_watched_is_told(settings: dict[str, str], arguments: list[str], told: str) -> None:
    code, out, said = piped(settings, "watch", *arguments)
    assert (code, out) == (2, "")
    assert told in said


def test_a_problem_is_told_beside_the_changes(settings: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "watch", "20-NOSUC", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **settings},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:  # fmt: skip
        assert running.stderr is not None
        told = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=30)
    assert re.fullmatch(r"ingram-orders: 404 GET .*Order not found.*; it is tried again\n", told)
    assert (running.returncode, out) == (130, "")


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────

EVENT: Final[dict[str, Any]] = {
    "topic": "resellers/orders", "event": "im::updated", "eventTimeStamp": "2026-01-31T13:02:06.369Z",
    "eventId": "N01CIB9VVFYKR9J6ZW",
    "resource": [{"eventType": "im::order_shipped", "orderNumber": "20-RD128", "customerOrderNumber": "ZENPO"}],
}  # fmt: skip
SECRET: Final = "never shown"


def signature_of(event_id: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), event_id.encode(), "sha512")).decode()


def post(url: str, body: bytes | dict[str, Any], signature: str = "", *, method: str = "POST") -> int:
    """Post an event, signed as it should be, or a body with a signature; give the status."""
    if isinstance(body, dict):
        signature = signature or signature_of(body["eventId"])
        body = json.dumps(body).encode()
    headers = {"x-hub-signature": signature}
    try:
        with urlopen(Request(url, body, headers, method=method), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


@contextmanager
def listening(*options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run a listener; give it, and where it says that it listens."""
    with subprocess.Popen(
        [*COMMAND, "listen", "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "INGRAM_WEBHOOK_SECRET": SECRET},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:  # fmt: skip
        try:
            assert running.stderr is not None
            told = re.match(r"Events are taken at (\S+); interrupt it to stop", running.stderr.readline())
            assert told is not None
            yield running, told[1]
        finally:
            running.kill()


def test_events_are_lines_as_they_come_and_what_is_turned_away_is_told_beside() -> None:
    with listening("--path", "/ingram") as (running, url):
        assert url.endswith("/ingram")
        assert running.stdout is not None
        assert post(url, EVENT) == 200
        first = json.loads(running.stdout.readline())
        assert first == {
            "kind": "orderStatus", "eventId": EVENT["eventId"], "topic": "resellers/orders", "event": "im::updated",
            "eventTime": "2026-01-31T13:02:06.369000+00:00", "data": EVENT,
            "orders": [
                {"orderNumber": "20-RD128", "customerOrderNumber": "ZENPO", "status": "SHIPPED",
                 "word": "im::order_shipped"}
            ],
        }  # fmt: skip
        statuses = [
            post(url, EVENT),
            post(url, EVENT, "forged"),
            post(url, b"{", "any"),
            post(url, b"", "any", method="PUT"),
            post(url + "/other", EVENT),
            post(url, {"eventId": "2"}),
        ]
        assert statuses == [200, 401, 400, 405, 404, 200]
        host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as garbage:
            garbage.sendall(b"GET / HTTP/1.1\r\nX\x00: 1\r\n\r\n")
            assert b" 400 " in garbage.recv(100)
        assert json.loads(running.stdout.readline())["kind"] == "unknown"
        code, out, told = piped({"INGRAM_WEBHOOK_SECRET": SECRET}, "listen", "--port", port)
        assert (code, out, told.count("\n"), "in use" in told) == (2, "", 1, True)
        running.send_signal(signal.SIGINT)
        out, told = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, "")
    assert SECRET not in told
    again, forged, broken, put, other, garbled, last = told.splitlines()
    assert again == f"ingram-orders: the event '{EVENT['eventId']}' was delivered before, and is not shown again"
    assert forged == "ingram-orders: 401 POST /ingram: the event is not signed with a secret that is known"
    assert broken.startswith("ingram-orders: 400 POST /ingram: the event is not JSON: ")
    assert put == "ingram-orders: 405 PUT /ingram: Method Not Allowed"
    assert other == "ingram-orders: 404 POST /ingram/other: events are posted to /ingram"
    assert garbled.startswith("ingram-orders: Error handling request from 127.0.0.1: ")
    assert last == "ingram-orders: stopped after 2 events"


def test_people_who_listen_see_a_line_for_each_event() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    def post_soon() -> None:
        for _ in range(600):
            with suppress(URLError):
                post(f"http://127.0.0.1:{port}/", EVENT)
                return
            time.sleep(0.05)

    posting = threading.Thread(target=post_soon)
    posting.start()
    code, shown = typed({"INGRAM_WEBHOOK_SECRET": SECRET}, "listen", "--port", str(port), interrupt_at=b"ZENPO")
    posting.join()
    assert code == 130
    assert "2026-01-31 13:02:06+00:00 20-RD128 \x1b[32mshipped\x1b[0m for ZENPO (event N01CIB9VVFYKR9J6ZW)" in shown
    assert "stopped after 1 event\r\n" in shown
    assert SECRET not in shown


def test_a_reader_of_events_that_has_seen_enough_ends_the_listener() -> None:
    with listening() as (running, url):
        assert running.stdout is not None
        running.stdout.close()
        assert post(url, EVENT) == 200
        assert running.stderr is not None
        assert running.wait(timeout=30) == 0
        assert running.stderr.read() == ""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "missing: --secret (INGRAM_WEBHOOK_SECRET)"),
        (["--secret", ""], "--secret is empty"),
        (["--secret", SECRET, "--host", ""], "--host is empty"),
        (["--secret", SECRET, "--host", "a" * 100], "label"),
        (["--secret", SECRET, "--path", "ingram"], "--path must begin with /"),
        (["--secret", SECRET, "--path", "/?a"], "--path must begin with /"),
    ],
)
def test_what_cannot_be_listened_with_is_told(options: list[str], told: str) -> None:
    code, out, beside = piped({"INGRAM_WEBHOOK_SECRET": ""}, "listen", *options)
    assert (code, out, beside.count("\n")) == (2, "", 1)
    assert told in beside
    assert SECRET not in beside


def saved(
    *, head: str = "POST /ingram HTTP/1.1\nHost: x\n", name: str = "x-hub-signature", signed: str = SECRET
) -> str:
    return f"{head}{name}: {signature_of(EVENT['eventId'], signed)}\n\n{json.dumps(EVENT)}"


SAVED: Final[dict[str, tuple[str, tuple[str, ...], int, str]]] = {
    "the body": (json.dumps(EVENT), ("--signature", signature_of(EVENT["eventId"])), 0, ""),
    "a whole request": (saved(), (), 0, ""),
    "in CRLF": (saved().replace("\n", "\r\n"), (), 0, ""),
    "without its first line": (saved(head="Host: x\n", name="X-Hub-Signature"), (), 0, ""),
    "behind a mark of the encoding": (f"\ufeff{saved()}", (), 0, ""),
    "an option goes first": (saved(), ("--signature", "x"), 1, "not signed with a secret that is known"),
    "with an older secret": (saved(signed="old"), ("--secret", SECRET, "--secret", "old"), 0, ""),
    "with another secret": (saved(signed="other"), (), 1, "not signed with a secret that is known"),
    "a body alone": (json.dumps(EVENT), (), 2, "no signature: give --signature"),
    "a request without the header": (saved(name="x-other"), (), 2, "no signature: give --signature"),
    "a head alone": (saved().partition("\n\n")[0], (), 2, "is not JSON"),
    "nothing": ("", ("--signature", "x"), 2, "is not JSON"),
    "no event": ("[]", ("--signature", "x"), 2, "no JSON object"),
    "an event without an id": ("{}", ("--signature", "x"), 2, "has no eventId"),
    "no secret": (saved(), ("--secret", ""), 2, "--secret is empty"),
}


@pytest.mark.parametrize("name", SAVED)
def test_an_event_that_was_saved_is_checked(tmp_path: Path, name: str) -> None:
    given, options, code, told = SAVED[name]
    file = tmp_path / "event"
    file.write_bytes(given.encode())
    ended, out, beside = piped({"INGRAM_WEBHOOK_SECRET": SECRET}, "webhook", "verify", str(file), *options)
    assert ended == code
    assert told in beside
    assert SECRET not in beside
    if code:
        assert (out, beside.count("\n")) == ("", 1)
    else:
        assert json.loads(out)["data"] == EVENT


def test_an_event_that_is_nested_too_deep_to_be_shown_is_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text(f'{{"eventId": "D", "deep": {"[" * 1500}{"]" * 1500}}}', "utf-8")
    options = ("--secret", SECRET, "--signature", signature_of("D"))
    code, out, told = piped({}, "webhook", "verify", str(file), *options)
    assert (code, out, told.count("\n")) == (2, "", 1)
    assert told.startswith(f"ingram-orders: {file}: the event is n")  # nested too deep, or no JSON for an older Python


def test_a_file_and_what_is_wrong_with_it_are_named(tmp_path: Path) -> None:
    file = tmp_path / "event.http"
    file.write_text(saved(), "utf-8")
    code, shown = typed({"INGRAM_WEBHOOK_SECRET": SECRET}, "webhook", "verify", str(file))
    assert code == 0
    assert "20-RD128" in shown
    code, out, told = piped({"INGRAM_WEBHOOK_SECRET": "another"}, "webhook", "verify", str(file))
    assert (code, out) == (1, "")
    assert told == f"ingram-orders: {file}: the event is not signed with a secret that is known\n"
    code, _, told = piped({"INGRAM_WEBHOOK_SECRET": ""}, "webhook", "verify", str(file))
    assert (code, "missing: --secret" in told) == (2, True)


def test_a_secret_in_the_environment_may_hold_blanks() -> None:
    given = saved(signed="a secret of several words")
    env = {"INGRAM_WEBHOOK_SECRET": "a secret of several words"}
    assert piped(env, "webhook", "verify", "-", given=given)[0] == 0


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
        "ingram-orders: <stdin>: shiptoInfo is no field that the API is known to have",
        "ingram-orders: <stdin>: lines[0].unitprice is no field that the API is known to have",
    ]


@pytest.mark.parametrize(("keys", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_person_is_asked_before_an_order_is_placed(
    settings: dict[str, str], tmp_path: Path, keys: str, code: int
) -> None:
    file = tmp_path / "order.json"
    file.write_text(order(f"ASKED-{code}-{len(keys)}"), "utf-8")
    got, shown = typed(settings, "create", str(file), keys=keys)
    assert got == code
    assert f"of 1 line, as customer 20-222222 at {settings['INGRAM_BASE_URL']}? [y/N]" in shown
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
    "a date that is none": (("search", "--ship-date-bt", "2026-01-01", "x"), "--ship-date-bt: 'x' is not a date", 2),
    "a page size": (("search", "--page-size", "500"), "500 is not in the range", 2),
    "an option that is none": (("search", "--nope"), "No such option", 2),
    "an unknown order": (("details", "20-NOPE"), "404", 1),
    "a number that is none": (("details", ".."), "NUMBER: '..' is not an order number", 2),
    "a country": (("search", "--country-code", "USA"), "--country-code: 'USA'", 2),
    "credentials": (("search", "--client-secret", "not-shown-at-all"), "Client credentials are not valid", 1),
    "nobody there": (("search", "--base-url", "http://127.0.0.1:9", "--timeout", "0.3"), "no token was to be had", 1),
    "an address": (("search", "--base-url", "ftp://x"), "base_url must be https", 2),
    "an empty address": (("search", "--base-url", ""), "--base-url is empty", 2),
    "two formats": (("search", "--csv", "--json"), "exclude each other", 2),
    "a field of a file": (("create", "-", "--yes"), "lines[0].unitPrice: ", 2),
    "a part of a piece": (("create", "-", "--yes"), "lines[0].quantity: 1.5 is not a whole number", 2),
    "an irregular field": (("create", "-", "--yes"), "lines[0].warrantyInfo[0].serialInfo[0].dateofPurchase: ", 2),
    "a key twice": (("create", "-", "--yes"), "'notes' is there twice", 2),
    "a list": (("create", "-", "--yes"), "<stdin> holds no JSON object, but a list", 2),
    "what is no number": (("create", "-", "--yes"), "NaN is not JSON", 2),
    "no file": (("create", "/nowhere.json", "--yes"), "No such file", 2),
    "no JSON": (("create", "-", "--yes"), "is not JSON", 2),
}


GIVEN: Final = {
    "a field of a file": '{"customerOrderNumber": "P", "lines": [{"unitPrice": "much"}]}',
    "a part of a piece": '{"customerOrderNumber": "P", "lines": [{"quantity": 1.5}]}',
    "an irregular field": '{"customerOrderNumber": "P", "lines": [{"warrantyInfo": [{"serialInfo": '
    '[{"dateofPurchase": []}]}]}]}',
    "a key twice": '{"customerOrderNumber": "P", "notes": "a", "notes": "b"}',
    "a list": "[{}]",
    "what is no number": '{"a": NaN}',
}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_one_clear_line_and_an_exit_code(settings: dict[str, str], name: str) -> None:
    arguments, says, code = WRONG[name]
    got, out, told = piped(settings, *arguments, given=GIVEN.get(name, "{"))
    assert (got, out) == (code, "")
    assert says in told
    assert "not-shown-at-all" not in told
    assert told.count("\n") == 1
    assert told.startswith("ingram-orders: ")


def test_missing_settings_are_named_with_their_variables() -> None:
    bare = {f"INGRAM_{name}": "" for name in ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_NUMBER", "COUNTRY_CODE")}
    code, _, told = piped(bare, "search")
    assert code == 2
    for name in bare:
        assert name in told


UNKNOWN: Final[dict[str, tuple[int, str, tuple[str, ...], str]]] = {
    "an error of the server": (502, "<html>", (), "look before sending it again"),
    "an answer that names no order": (201, '{"orders": [{"lines": []}]}', (), "names no order: look whether order P-1"),
    "no orders at all": (201, "{}", (), "names no order: look whether order P-1"),
    "no confirmation": (200, '{"message": "fine"}', ("--v7",), "holds no confirmation: look whether order P-1"),
}


@pytest.mark.parametrize(("status", "body", "options", "says"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_outcome_has_an_exit_code_of_its_own(
    status: int, body: str, options: tuple[str, ...], says: str
) -> None:
    with answering(status, body) as settings:
        code, _, told = piped(settings, "create", "-", "--yes", *options, given=order("P-1"))
    assert (code, says in told) == (3, True)


def test_an_order_whose_number_cannot_be_written_is_told_to_be_placed(settings: dict[str, str]) -> None:
    """A script that took it for refused would order again."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ran = subprocess.run(
            [*COMMAND, "create", "-", "--yes"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            input=order("FULL-1"), env={**os.environ, **settings},
        )  # fmt: skip
    assert ran.returncode == 3
    assert re.search(r"order FULL-1 is placed as 20-\w{5}, but .*No space left", ran.stderr)


def test_the_exit_code_tells_also_where_nothing_can_be_written(settings: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ran = subprocess.run(
            [*COMMAND, "create", "-", "--yes"], stdout=full, stderr=full, text=True, timeout=60, check=False,
            input=order("FULL-2"), env={**os.environ, **settings},
        )  # fmt: skip
    assert ran.returncode == 3


def test_a_warning_that_cannot_be_written_stops_nothing(settings: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ran = subprocess.run(
            [*COMMAND, "create", "-", "--yes"], stdout=subprocess.PIPE, stderr=full, text=True, timeout=60, check=False,
            input=order("FULL-3", odd=None), env={**os.environ, **settings},
        )  # fmt: skip
    assert (ran.returncode, json.loads(ran.stdout)["customerOrderNumber"]) == (0, "FULL-3")


def test_an_order_without_lines_is_shown_to_people_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(order("P-1"), "utf-8")
    body = {"customerOrderNumber": "P-1", "orders": [{"ingramOrderNumber": "20-AAAAA", "orderTotal": 5.5}]}
    with answering(207, json.dumps(body)) as settings:
        code, shown = typed(settings, "create", str(file), "--yes")
    assert (code, "20-AAAAA for P-1, 5.50" in shown) == (0, True)


def test_pages_that_bring_nothing_new_end_a_search() -> None:
    """As those of a server with static answers, which are all the same."""
    with answering(200, '{"recordsFound": 9, "orders": [{"ingramOrderNumber": "20-A"}, "odd"]}') as settings:
        code, out, _ = piped(settings, "search", "--all")
    assert (code, json.loads(out)) == (0, [{"ingramOrderNumber": "20-A"}, "odd"])


def test_a_search_that_is_refused_on_its_way_says_how_far_it_came() -> None:
    with served("--orders", "60", "--quota", "2") as (_, settings):
        window = ("--ingram-order-date-bt", "2000-01-01", "2100-01-01")
        code, out, told = piped(settings, "search", "--all", "--page-size", "10", "--timeout", "5", *window)
        assert (code, out) == (1, "")
        assert told.startswith("ingram-orders: after 20 orders: GET /resellers/v6/orders/search: the quota is ")


def test_json_is_what_the_api_said_to_the_letter() -> None:
    said = '{"ingramOrderNumber":"20-A","notes":null,"orderTotal":1.50,"lines":{"unitPrice":"1.0"},"new":[]}'
    with answering(200, said) as settings:
        for run in (piped(settings, "details", "20-A")[1], typed(settings, "details", "20-A", "--json")[1]):
            assert said in run


def test_what_is_null_in_a_file_is_said_not_to_be_sent(settings: dict[str, str]) -> None:
    given = order("NULL-1", notes=None, shipToInfo={"city": None, "x": None})
    code, _, told = piped(settings, "create", "-", "--yes", given=given)
    assert code == 0
    assert re.findall(r"<stdin>: (\S+) is null and will not be sent", told) == [
        "notes",
        "shipToInfo.city",
        "shipToInfo.x",
    ]
    assert "<stdin>: shipToInfo.x is no field that the API is known to have" in told


@pytest.mark.parametrize("command", ["modify", "release", "cancel"])
def test_every_change_is_asked_about(settings: dict[str, str], tmp_path: Path, command: str) -> None:
    given = order(f"ASK-{command}", additionalAttributes=HOLD)
    number = json.loads(piped(settings, "create", "-", "--yes", given=given)[1])["orders"][0]["ingramOrderNumber"]
    file = tmp_path / "change.json"
    file.write_text('{"notes": "changed"}', "utf-8")
    arguments = (command, number, *([str(file)] if command == "modify" else []))
    code, shown = typed(settings, *arguments, keys="n\n")
    assert (code, f"{number}" in shown, "[y/N]" in shown, "nothing was done" in shown) == (1, True, True, True)
    assert piped(settings, *arguments)[0] == 2  # nobody can be asked
    detail = json.loads(piped(settings, "details", number)[1])
    assert (detail["orderStatus"], detail["notes"]) == ("ON HOLD", "")


def test_a_file_cannot_paint_over_the_question(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(order("P\x1b[2J\x9b1A"), "utf-8")
    code, shown = typed(settings, "create", str(file), keys="n\n")
    assert code == 1
    assert "P\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}1A" in shown
    assert "\x1b[2J" not in shown


def test_a_request_that_cannot_be_right_is_not_asked_about(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"lines": []}', "utf-8")
    code, shown = typed(settings, "create", str(file), keys="y\n")
    assert (code, "[y/N]" in shown) == (2, False)
    assert "customerOrderNumber is required" in shown


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
@pytest.mark.parametrize("command", ["search", "cancel 20-NOPE", "create -"])
def test_a_closed_stream_is_no_traceback(settings: dict[str, str], command: str, closed: str) -> None:
    ran = subprocess.run(
        f"{sys.executable} -m ingram_orders {command} {closed}", shell=True, capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, **settings}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
    assert ran.returncode == (0 if command == "search" else 2)


def test_a_sandbox_goes_wrong_as_often_as_its_options_say() -> None:
    with served("--orders", "3", "--faults", "503=1") as (_, settings):
        code, out, told = piped(settings, "search")
        assert (code, out, "503" in told) == (1, "", True)
        assert piped(settings, "cancel", "20-A", "--yes")[0] == 3
    for wrong in ("503", "nope=0.1"):
        code, out, told = piped({}, "sandbox", "--port", "0", "--faults", wrong)
        assert (code, out, told.count("\n"), told.startswith("ingram-orders: --faults: ")) == (2, "", 1, True)


def test_a_sandbox_is_what_its_options_say(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    options = ("--orders", "30", "--seed", "7", "--market", "SAP", "--quirks", "--database", str(file))
    window = ("--ingram-order-date-bt", "2000-01-01", "2100-01-01", "--page-size", "100")
    with served(*options) as (_, settings):
        assert settings["INGRAM_COUNTRY_CODE"] == "DE"
        found = json.loads(piped(settings, "search", *window)[1])
        port = settings["INGRAM_BASE_URL"].rpartition(":")[2]
        code, _, told = piped({}, "sandbox", "--port", port)
        assert (code, told.count("\n"), "in use" in told) == (2, 1, True)
    assert len(found) == 30
    assert all(re.fullmatch(r"60\d{8}", it["ingramOrderNumber"]) for it in found)
    assert {it["orderStatus"] for it in found} & {"im::shipped", "IM::INVOICED", "Invoiced", "Shipped"}
    with served("--orders", "5", "--market", "SAP", "--database", str(file)) as (_, settings):
        again = json.loads(piped(settings, "search", *window)[1])
    assert [it["ingramOrderNumber"] for it in again] == [it["ingramOrderNumber"] for it in found]


@contextmanager
def receiving() -> Iterator[tuple[str, "queue.Queue[tuple[bytes, str]]"]]:
    """Run a server that takes events; give its URL, and what comes with which signature."""
    came: queue.Queue[tuple[bytes, str]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            came.put((body, self.headers["x-hub-signature"]))

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/events", came
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("place", ["option", "environment"])
def test_a_sandbox_posts_signed_events_and_its_secret_is_not_shown(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "never-shown-secret"
    if place == "environment":
        monkeypatch.setenv("INGRAM_WEBHOOK_SECRET", secret)
    given = ("--secret", secret) if place == "option" else ()
    with receiving() as (url, came):
        options = ("--orders", "3", "--quirks", "--webhook", url, "--webhook-faults", "twice=1", *given)
        with served(*options) as (running, settings):
            for number in range(4):
                body = order(f"CLI-{number}", additionalAttributes=HOLD)
                assert piped(settings, "create", "-", "--yes", given=body)[0] == 0
            posted = [came.get(timeout=30) for _ in range(8)]
            running.send_signal(signal.SIGINT)
            out, told = running.communicate(timeout=30)
    assert posted[::2] == posted[1::2]
    found = [webhooks.read(body, signature, secret) for body, signature in posted[::2]]
    assert {
        (it.customer_order_number, it.status)
        for event in found
        if isinstance(event, OrderStatusEvent)
        for it in event.orders
    } == {(f"CLI-{number}", OrderStatus.ON_HOLD) for number in range(4)}
    assert secret not in out + told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--webhook", "http://127.0.0.1:1/"), "--webhook needs a secret: --secret, or INGRAM_WEBHOOK_SECRET"),
        (("--webhook", "http://127.0.0.1:1/", "--secret", ""), "--webhook needs a secret"),
        (("--webhook", "127.0.0.1:1", "--secret", "abc"), "--webhook: the URL of a webhook must begin with http"),
        (("--webhook", "http://a/", "--secret", "abc", "--webhook-faults", "nope=1"), "--webhook-faults: there is no"),
        (("--webhook", "http://a/", "--secret", "abc", "--webhook-faults", "late"), "is not NAME=RATE, as late=0.1"),
        (("--webhook-faults", "late=1"), "--webhook-faults needs --webhook"),
        (("--secret", "abc"), "--secret needs --webhook"),
    ],
)
def test_a_webhook_that_cannot_be_is_told_before_anything_starts(
    options: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    file = tmp_path / "orders.db"
    nothing = {"INGRAM_WEBHOOK_SECRET": ""}
    code, out, told = piped(nothing, "sandbox", "--port", "0", "--database", str(file), *options)
    assert (code, out, told.count("\n"), why in told, "abc" in told) == (2, "", 1, True, False)
    assert not file.exists()


def test_the_help_of_a_sandbox_names_what_can_go_wrong_with_events() -> None:
    shown = " ".join(CliRunner().invoke(ingram_orders, ["sandbox", "--help"]).output.split())
    assert f"What goes wrong with them, as late=0.1,lost=0.05: {', '.join(FAULTS)}" in shown


def test_a_sandbox_and_who_listens_to_it_run_together_as_the_readme_shows() -> None:
    ports = {
        name: it.default for name in ("sandbox", "listen") for it in ingram_orders.commands[name].params
        if it.name == "port"
    }  # fmt: skip
    assert ports == {"sandbox": 8080, "listen": 8081}
    readme = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")
    assert f"$ ingram-orders sandbox --webhook http://127.0.0.1:{ports['listen']}/\n" in readme
    with listening() as (listener, url), served("--orders", "0", "--webhook", url, "--secret", SECRET) as (_, settings):
        assert listener.stdout is not None
        assert piped(settings, "create", "-", "--yes", given=order("CLI-1", additionalAttributes=HOLD))[0] == 0
        shown = json.loads(listener.stdout.readline())
        assert [(it["customerOrderNumber"], it["status"]) for it in shown["orders"]] == [("CLI-1", "ON_HOLD")]


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
            connection.settimeout(60)
            assert connection.recv(1)  # it is connected on its side, too
            running.send_signal(signal.SIGINT)
            out, told = running.communicate(timeout=60)
            connection.close()
    assert (running.returncode, out, told.strip()) == (130, "", "")


def test_an_interrupt_is_heard_also_where_it_does_not_wake_the_loop() -> None:
    """As one that comes just before the loop falls asleep; here, one that another thread is given."""
    script = """
import asyncio, signal, threading, time
from ingram_orders.cli.running import run

def interrupt():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    time.sleep(60)

threading.Thread(target=interrupt, daemon=True).start()
try:
    run(asyncio.sleep(50))
except KeyboardInterrupt:
    print("heard")
"""
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("heard\n", "")
    assert time.monotonic() - began < 40


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(("create", "-"), "order PO-9"), (("cancel", "20-RD3QV"), "the cancellation of 20-RD3QV")],
)
def test_who_interrupts_a_write_is_told_to_look(arguments: tuple[str, ...], what: str) -> None:
    """It may have been done."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        settings = {f"INGRAM_{it}": "US" for it in ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_NUMBER", "COUNTRY_CODE")}
        with subprocess.Popen(
            [*COMMAND, *arguments, "--yes", "--base-url", url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **settings},
        ) as running:  # fmt: skip
            assert running.stdin is not None
            running.stdin.write(order("PO-9"))
            running.stdin.close()
            server.settimeout(60)
            connection, _ = server.accept()
            connection.settimeout(60)
            assert connection.recv(1)  # it is connected on its side, too
            running.send_signal(signal.SIGINT)
            running.wait(timeout=60)
            assert running.stderr is not None
            told = running.stderr.read()
            connection.close()
    assert running.returncode == 130
    assert told == f"ingram-orders: interrupted; {what} may have taken effect, so look before doing it again\n"


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


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_a_reader_that_has_seen_enough_is_no_failure(settings: dict[str, str], form: str) -> None:
    """As `| head -1` is."""
    window = ("--ingram-order-date-bt", "2000-01-01", "2100-01-01")
    with subprocess.Popen(
        [*COMMAND, "search", *window, "--all", form],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **settings},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        running.stdout.close()
        _, told = running.communicate(timeout=60)
    assert b"Traceback" not in told
    assert b"Exception" not in told
    assert running.returncode == 0


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not here")
def test_the_readmes_session_runs(settings: dict[str, str], tmp_path: Path) -> None:
    readme = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")
    session, _ = re.findall(r"^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    script = re.sub(r"^\$ ", "", session, flags=re.MULTILINE)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120, check=False,
        cwd=tmp_path, env={**os.environ, **settings, "PATH": path},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert '"orderStatus":"ON HOLD"' in ran.stdout
    assert tmp_path.joinpath("shipped.csv").read_text("utf-8").startswith("ingram_order_number,")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_a_shell(shell: str) -> None:
    printed = CliRunner().invoke(ingram_orders, ["completion", shell]).output
    assert "_INGRAM_ORDERS_COMPLETE" in printed
