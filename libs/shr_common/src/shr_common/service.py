"""The skeleton of every service: one FastAPI app with its parts, health that tells the truth, and an orderly end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shr_common import outcomes, telemetry
from shr_common.errors import ShrError, too_large
from shr_common.kafka import Subscribers
from shr_common.lifecycle import Check, Part
from shr_common.security import AuthenticationMiddleware, Authenticator
from shr_common.security.middleware import Sessions
from shr_common.settings import PORTS, ServiceSettings, port_of

LOG = structlog.get_logger("shr.service")
START_DEADLINE_S = 60.0
GC_THRESHOLDS = (20_000, 20, 50)
"""Rarer than Python's own: a request makes hundreds of objects, and hardly any is part of a cycle."""


@dataclass
class Assembly:
    """What a service's factory hands over: routes, parts in their order of start, and reasons not to be ready.

    ``api_parts`` start in every role, ``workers`` (subscribers, sweepers) only where the role consumes.
    """

    routers: Sequence[APIRouter]
    api_parts: Sequence[Part] = ()
    workers: Sequence[Part] = ()
    checks: Sequence[Check] = ()
    sessions: Sessions | None = None
    pages: tuple[str, ...] = ()
    prepare: Callable[[], Awaitable[None]] | None = None
    close: Callable[[], Awaitable[None]] | None = None
    subscribers: Subscribers | None = None
    started: list[Part] = field(default_factory=list)


def create_service(name: str, settings: ServiceSettings, assembly: Assembly) -> FastAPI:
    """The app of a service; importing does nothing, starting happens in its lifespan."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        structlog.contextvars.bind_contextvars(service=name)
        starting = asyncio.create_task(_start(name, settings, assembly))
        app.state.starting = starting
        try:
            yield
        finally:
            starting.cancel()
            await asyncio.wait({starting})
            await _stop(name, assembly)
            await telemetry.flush()

    app = FastAPI(
        title=f"Shared Health Record: {name}", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    telemetry.configure(name, level=settings.log_level, otlp_endpoint=settings.otlp_endpoint)
    telemetry.trace_http(app)
    app.state.assembly = assembly
    app.state.settings = settings
    outcomes.install(app)
    for router in (_operations(app, assembly), *assembly.routers):
        # not include_router: matching through included routers costs 20 µs a request more than a flat list
        app.router.routes.extend(router.routes)
    authenticator = Authenticator(issuer=settings.issuer, audience=settings.audience, jwks_url=settings.keys_url)
    # the last one added is the outermost: who calls is asked before anything about the request is looked at
    app.add_middleware(BodyLimit, limit_bytes=settings.body_limit_bytes)
    app.add_middleware(
        AuthenticationMiddleware, authenticator=authenticator, sessions=assembly.sessions, pages=assembly.pages
    )
    app.add_middleware(Timed)
    return app


async def _start(name: str, settings: ServiceSettings, assembly: Assembly) -> None:
    """Start the parts, waiting for what they depend on; a part that cannot start ends the process with one line."""
    parts = [*assembly.api_parts, *(assembly.workers if settings.role != "api" else ())]
    deadline = time.monotonic() + START_DEADLINE_S
    if assembly.prepare is not None:
        await _until(assembly.prepare, deadline, name)
    for part in parts:
        await _until(part.start, deadline, name)
        assembly.started.append(part)
    LOG.info("ready", service=name, role=settings.role)


async def _until(step: Callable[[], Awaitable[None]], deadline: float, name: str) -> None:
    waiting = False
    while True:
        try:
            await step()
            return
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if time.monotonic() > deadline or (isinstance(error, ShrError) and not error.temporary):
                LOG.error("cannot_start", service=name, exc_info=error)
                os.kill(os.getpid(), signal.SIGTERM)
                raise
            if not waiting:
                LOG.warning("waits_to_start", service=name, exc_info=error)
                waiting = True
            await asyncio.sleep(0.2)


async def _stop(name: str, assembly: Assembly) -> None:
    for part in reversed(assembly.started):
        try:
            await part.stop()
        except Exception as error:
            LOG.warning("stopped_badly", service=name, part=type(part).__name__, exc_info=error)
    assembly.started.clear()
    if assembly.close is not None:
        await assembly.close()


def _operations(app: FastAPI, assembly: Assembly) -> APIRouter:
    """``/health``, ``/metrics`` and ``/docs``: the same for all, and public."""
    router = APIRouter(tags=["operations"])
    assets = _swagger_assets()
    app.mount("/docs/assets", StaticFiles(directory=assets), name="docs-assets")

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> Response:
        """Whether this process can do its work now; 503 with the reasons when not."""
        reasons = [reason for check in (_has_started, *assembly.checks) if (reason := await check())]
        body = {"status": "ready"} if not reasons else {"status": "not ready", "reasons": reasons}
        return Response(orjson.dumps(body), status_code=503 if reasons else 200, media_type="application/json")

    async def _has_started() -> str | None:
        starting: asyncio.Task[None] = app.state.starting
        if not starting.done():
            return "starting"
        return "could not start" if starting.cancelled() or starting.exception() else None

    @router.get("/metrics", include_in_schema=True)
    async def metrics() -> Response:
        """Prometheus metrics."""
        if assembly.subscribers is not None:
            for group, behind in (await assembly.subscribers.lag()).items():
                telemetry.LAG.labels(group=group).set(behind)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The routes of this service, to read and try."""
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )

    return router


def _swagger_assets() -> Path:
    from importlib.resources import files

    return next(Path(str(files("swagger_ui_bundle"))).glob("vendor/swagger-ui-[45]*"))


class BodyLimit:
    """Refuses a request body above the limit, declared or streamed, before anything parses it."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes; answer 413 when there are too many."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = streamed = None
        for name, value in scope["headers"]:
            if name == b"content-length":
                declared = value
            elif name == b"transfer-encoding":
                streamed = value
        if declared is None and streamed is None:  # no body (RFC 9112, section 6.3)
            await self._app(scope, receive, send)
            return
        await self._limited(int(declared) if declared and declared.isdigit() else 0, scope, receive, send)

    async def _limited(self, declared: int, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._limit_bytes
        refusal = too_large(f"A request may have {limit} bytes at most. Send smaller bundles.")
        if declared > limit:
            await _drain(receive, limit)
            await outcomes.render(refusal, scope["path"])(scope, receive, send)
            return
        seen = 0
        exceeded = answered = False

        async def counted() -> Message:
            nonlocal seen, exceeded
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                exceeded = True
                raise refusal
            return message

        async def unless_exceeded(message: Message) -> None:
            # whoever reads the body may turn our refusal into an answer of its own: it is not sent
            nonlocal answered
            if answered or not exceeded:
                answered = True
                await send(message)

        try:
            await self._app(scope, counted, unless_exceeded)
        except Exception:
            if not exceeded or answered:
                raise
        if exceeded and not answered:
            await _drain(receive, limit)
            await outcomes.render(refusal, scope["path"])(scope, receive, send)


class Timed:
    """Measures each answer by the template of its route; an address that is no route's counts as ``none``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the status and the time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            telemetry.HTTP_SECONDS.labels(route=route, status=str(status)).observe(time.perf_counter() - began)


async def _drain(receive: Receive, limit: int) -> None:
    """Read on for a while, so that a client that is still sending gets the answer instead of a reset."""
    seen = 0
    while seen < 16 * limit:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def request_id(request: Request) -> str | None:
    """The caller's own id of a request, for logs."""
    return request.headers.get("x-request-id")


def run(name: str, create_app: Callable[[], FastAPI]) -> None:
    """Serve a service until SIGTERM or SIGINT: requests under way are answered, parts end in order."""
    import uvicorn

    # before anything is made: what connects to the database is traced only if traces were on by then
    level, endpoint = os.environ.get("SHR_LOG_LEVEL", "INFO"), os.environ.get("SHR_OTLP_ENDPOINT")
    telemetry.configure(name, level=level, otlp_endpoint=endpoint)
    app = create_app()
    telemetry.configure_libraries()
    settings: ServiceSettings = app.state.settings
    # what was loaded lives as long as the process: the collector need not look at it again and again
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    uvicorn.run(
        app,
        host=settings.host,
        port=port_of(name, PORTS[name]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=10,
        server_header=False,
    )
