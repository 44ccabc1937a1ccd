"""Ask the services of the running stack over HTTP, as anybody outside would."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from shr_local.paths import Home
from shr_local.ports import Ports
from shr_local.stack import supervised

from shr_cli.failure import Failure

TIMEOUT_S = 30.0
NOT_JSON_STATUS = 300


def service_url(name: str) -> str:
    """Where a service listens: ``SHR_<NAME>_URL`` if set, else as the running stack says, else by its port."""
    named = os.environ.get(f"SHR_{name.upper()}_URL")
    if named:
        return named.rstrip("/")
    running = supervised(Home.from_environment())
    found = {one.name: one.port for one in running.all()} if running else {}
    return f"http://127.0.0.1:{found.get(name) or Ports.from_environment()[name]}"


def ask(
    service: str,
    path: str,
    *,
    method: str = "GET",
    token: str | None = None,
    parameters: Mapping[str, str] | None = None,
    body: Any = None,
    content: bytes | None = None,
    content_type: str = "application/json",
) -> Any:
    """The JSON that a service answers to ``body`` as JSON, or to ``content`` as it is.

    Raises Failure with what it said when it refuses or does not answer.
    """
    import httpx

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if content is not None:
        headers["Content-Type"] = content_type
    url = f"{service_url(service)}{path}"
    try:
        answer = httpx.request(
            method,
            url,
            params=parameters,
            json=body,
            content=content,
            headers=headers,
            timeout=TIMEOUT_S,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Failure(
            f"{service} does not answer at {url} ({type(error).__name__}); `shr status` shows what runs"
        ) from None
    if answer.status_code >= NOT_JSON_STATUS:
        raise Failure(f"{service} answered {answer.status_code}: {_reason(answer)}")
    return answer.json()


def _reason(answer: Any) -> str:
    """The first issue of an OperationOutcome, a problem's detail, or the beginning of the text."""
    try:
        said = answer.json()
    except ValueError:
        return " ".join(answer.text.split())[:200] or "no reason given"
    if isinstance(said, dict):
        for issue in said.get("issues", [])[:1]:
            place = issue.get("expression") or issue.get("diagnostics")
            return f"{issue['text']}{f' ({place})' if place else ''}"
        for issue in said.get("issue", []):
            details = issue.get("details", {}).get("text") or issue.get("diagnostics")
            if details:
                return str(details)
        return str(said.get("detail") or said.get("title") or said)[:200]
    return str(said)[:200]
