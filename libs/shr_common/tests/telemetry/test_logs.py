"""Logs are lines of JSON that quote no exception."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
import structlog
from shr_common import telemetry


@pytest.fixture
def libraries() -> Any:
    """What libraries log goes through ours, for the length of a test."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    telemetry.configure_libraries()
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _configured() -> None:
    telemetry.configure("test", level="INFO", otlp_endpoint=None)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def broken() -> Exception:
    try:
        raise ValueError("NID 1234567890123")
    except ValueError as error:
        return error


def test_a_line_has_its_event_level_time_and_service(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("shr.another").info("ready", role="both", name="রহিমা")
    [line] = lines(capsys)
    assert (line["event"], line["level"], line["service"], line["role"]) == ("ready", "info", "test", "both")
    assert line["timestamp"].endswith("Z")


def test_an_exception_is_named_and_located_but_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("shr.test").error("broke", exc_info=broken())
    [line] = lines(capsys)
    assert line["exception"] == "ValueError"
    assert line["frames"][-1].startswith("telemetry/test_logs.py:") or "test_logs.py:" in line["frames"][-1]
    assert "1234567890123" not in json.dumps(line)


@pytest.mark.usefixtures("libraries")
def test_what_libraries_log_is_json_too_and_quotes_no_exception(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=broken())
    logging.getLogger("uvicorn.error").error("address %s in use", "127.0.0.1:8000")
    logging.getLogger("somebody").info("chatter")
    first, second = lines(capsys)
    assert (first["event"], first["exception"]) == ("Exception in ASGI application", "ValueError")
    assert second["event"] == "address 127.0.0.1:8000 in use"
    assert "1234567890123" not in json.dumps([first, second])


@pytest.mark.usefixtures("libraries")
async def test_a_forgotten_task_is_told_without_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    loop = asyncio.get_running_loop()
    loop.default_exception_handler({"message": "Task exception was never retrieved", "exception": broken()})
    [line] = lines(capsys)
    assert line["event"] == "Task exception was never retrieved"
    assert "1234567890123" not in json.dumps(line)


def test_without_an_endpoint_there_are_no_traces() -> None:
    assert telemetry.traceparent() is None
    with telemetry.consuming("group", []):
        pass
