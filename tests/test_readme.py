"""
Every Python block of the README runs, and prints what the text block behind it says; those that are tests pass, and
those that are for a server are posted to.
"""

import asyncio
import base64
import json
import re
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn
from support.events import body, signed

from ingram_orders import DuplicateEventError, WebhookInbox, webhook_handler

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")
# A block of Python, and the block of text that follows it with nothing between.
BLOCKS = re.findall(r"^```python(?: (\w+))?\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", README, re.MULTILINE | re.DOTALL)
RUN = [(code, expected) for kind, code, expected in BLOCKS if not kind]
TESTS = [code for kind, code, _ in BLOCKS if kind == "pytest"]
SERVERS = {kind: code for kind, code, _ in BLOCKS if kind in ("fastapi", "django", "lambda")}
[SEEN] = [code for kind, code, _ in BLOCKS if kind == "seen"]


def test_the_blocks_are_found() -> None:
    assert len(RUN) == README.count("\n```python\n") >= 6
    assert len(TESTS) == README.count("\n```python pytest\n") == 1
    assert [kind for kind, _, _ in BLOCKS if kind and kind not in SERVERS] == ["notest", "seen", "pytest"]
    assert len(SERVERS) == 3
    assert sum(bool(expected) for _, expected in RUN) == README.count("\n```text\n")


SLOW: Final = re.compile(r"^Executing <.+> took [0-9.]+ seconds\n", re.MULTILINE)
"""What asyncio tells in development mode of a machine that is busy with other tests."""


@pytest.mark.parametrize(("code", "expected"), RUN, ids=[f"block-{number}" for number in range(1, len(RUN) + 1)])
def test_a_block_runs_and_prints_what_it_says(code: str, expected: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert SLOW.sub("", ran.stderr) == ""
    assert ran.returncode == 0
    if expected:
        assert ran.stdout == expected


@pytest.mark.parametrize("code", TESTS)
def test_a_service_is_tested_as_the_readme_shows(tmp_path: Path, code: str) -> None:
    [line] = re.findall(r"`(pytest_plugins = .*?)`", README)
    tmp_path.joinpath("conftest.py").write_text(line, "utf-8")
    tmp_path.joinpath("test_service.py").write_text(code, "utf-8")
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n", "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"], capture_output=True, text=True, timeout=120, check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


# What is posted to a server, and what it is to answer.
POSTS: Final[list[tuple[bytes, str | None, int]]] = [
    (body("N01"), signed("N01", "secret"), 200),
    (body("N01"), signed("N01", "secret"), 200),
    (body("N02"), signed("N02", "guessed"), 401),
    (body("N02"), None, 401),
    (b"<html>", signed("N02", "secret"), 400),
    (b" " * (2**20 + 1), signed("N02", "secret"), 413),
]


def headers(signature: str | None) -> dict[str, str]:
    return {} if signature is None else {"x-hub-signature": signature}


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the block for a server in a folder of its own, and give what it defines."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.py").write_text(SERVERS[request.param], "utf-8")
    return runpy.run_path("service.py")


@pytest.mark.parametrize("served", ["fastapi"], indirect=True)
def test_fastapi_receives_events_by_way_of_a_server(served: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    server = uvicorn.Server(uvicorn.Config(served["app"], log_level="error"))

    async def main(listening: socket.socket) -> list[int]:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/ingram"
        async with httpx.AsyncClient() as ingram:  # who is heard as soon as there is a server
            answers = [await ingram.post(url, content=it, headers=headers(signature)) for it, signature, _ in POSTS]
            assert (await ingram.get(url)).status_code == 405
        while await served["inbox"].waiting():
            pass
        server.should_exit = True
        await serving
        return [it.status_code for it in answers]

    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert asyncio.run(main(listening)) == [status for _, _, status in POSTS]
    assert capsys.readouterr().out == "worked on N01\n"


@pytest.mark.parametrize("served", ["django"], indirect=True)
@pytest.mark.parametrize("by", ["ASGI", "WSGI"])
def test_django_receives_events(served: dict[str, Any], by: str) -> None:
    from asgiref.sync import async_to_sync
    from django.conf import settings
    from django.test import AsyncRequestFactory, RequestFactory

    if not settings.configured:
        settings.configure()

    async def asgi() -> list[int]:
        posts = [
            AsyncRequestFactory().post("/", it, "application/json", headers=headers(signature))
            for it, signature, _ in POSTS
        ]
        return [(await served["ingram"](it)).status_code for it in posts]

    def wsgi() -> list[int]:
        posts = [
            RequestFactory().post("/", it, "application/json", headers=headers(signature)) for it, signature, _ in POSTS
        ]
        return [async_to_sync(served["ingram"])(it).status_code for it in posts]

    assert (asyncio.run(asgi()) if by == "ASGI" else wsgi()) == [status for _, _, status in POSTS]
    assert asyncio.run(WebhookInbox("inbox.db").waiting()) == 1


@pytest.mark.parametrize("served", ["lambda"], indirect=True)
@pytest.mark.parametrize("is_base64", [False, True])
def test_lambda_receives_events(served: dict[str, Any], is_base64: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """It knows none that comes again; the queue does."""
    told = []
    for posted, signature, _ in POSTS:
        text = (base64.b64encode(posted) if is_base64 else posted).decode()
        call = {"version": "2.0", "headers": headers(signature), "body": text, "isBase64Encoded": is_base64}
        told.append(served["ingram"](json.loads(json.dumps(call)), None))
    assert told == [{"statusCode": status} for _, _, status in POSTS]
    assert capsys.readouterr().out == "into a queue: N01\n" * 2


@pytest.mark.parametrize("served", ["lambda"], indirect=True)
def test_lambda_turns_away_a_post_of_nothing(served: dict[str, Any]) -> None:
    call = {"version": "2.0", "headers": headers(signed("N01", "secret")), "isBase64Encoded": False}
    assert served["ingram"](call, None) == {"statusCode": 400}
    assert served["ingram"]({**call, "body": None}, None) == {"statusCode": 400}


class Redis:
    """Sets as Redis does: true, or nothing where it is not to be set."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}

    async def set(self, name: str, value: object, *, nx: bool, ex: int) -> bool | None:
        if nx and name in self.kept:
            return None
        self.kept[name] = ex
        return True


def test_a_seen_of_your_own_keeps_each_once() -> None:
    names: dict[str, Any] = {}
    exec(SEEN, names)
    redis = Redis()
    seen = [names["SeenInRedis"](redis) for _ in range(2)]
    assert webhook_handler("secret", seen=seen[0], on_event=print)
    asyncio.run(seen[0].add("N01"))
    with pytest.raises(DuplicateEventError, match="was delivered before") as told:
        asyncio.run(seen[1].add("N01"))
    assert told.value.event_id == "N01"
    assert redis.kept == {"ingram:N01": 30 * 24 * 60 * 60}


@pytest.mark.slow
def test_the_blocks_are_typed_as_strictly_as_the_package(tmp_path: Path) -> None:
    typed = [code for kind, code in SERVERS.items() if kind != "django"]  # which has no types
    for number, code in enumerate([*(code for code, _ in RUN), *TESTS, *typed, SEEN]):
        tmp_path.joinpath(f"block_{number}.py").write_text(code, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, sorted(tmp_path.glob("*.py")))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout


def test_its_first_screen_holds_the_two_commands() -> None:
    commands = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)
    assert README.index(commands[1]) < 1500
