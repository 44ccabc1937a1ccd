"""Logs, metrics and traces: structlog JSON without personal data, Prometheus, OpenTelemetry when OTLP is configured."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from fastapi import FastAPI

    from shr_common.kafka.record import Record

INTAKE = Counter("shr_intake_total", "Submissions by outcome.", ["source_system", "state"])
REJECTIONS = Counter("shr_rejections_total", "Rejected submissions by cause.", ["source_system", "cause"])
DECISIONS = Counter("shr_decisions_total", "Consent decisions.", ["decision", "purpose"])
DEAD_LETTERS = Counter("shr_dead_letters_total", "Records that no retry could mend.", ["topic", "category"])
PUBLISHED = Counter("shr_outbox_published_total", "Events relayed from the outbox.", ["service"])
OUTBOX_AGE = Gauge("shr_outbox_age_seconds", "Age of the oldest unpublished event.", ["service"])
LAG = Gauge("shr_consumer_lag_records", "Records not yet dealt with.", ["group"])
HTTP_SECONDS = Histogram(
    "shr_http_seconds", "Time to answer.", ["route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip

_tracing = False
WITHHELD = "withheld"


class _StandardOut:
    """The standard output of the moment of writing: loggers are cached, and a test puts another in its place."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


def configure(service: str, *, level: str, otlp_endpoint: str | None) -> None:
    """Set up the logs of a process, and its traces if an OTLP endpoint is given."""

    def with_service(_logger: Any, _method: str, event: Any) -> Any:
        event.setdefault("service", service)
        return event

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            with_service,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_messages_of_exceptions,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), logging.INFO)),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardOut())),
        cache_logger_on_first_use=True,
    )
    for noisy in ("aiokafka", "faststream", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    if otlp_endpoint:
        _trace_to(service, otlp_endpoint)


class _Json(logging.Handler):
    """What libraries log, in our form: a message that may quote an exception is cut to what its author wrote."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        quoting = error is not None or record.name == "asyncio"
        text = str(record.msg).splitlines()[0] if quoting and record.msg else record.getMessage()
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, text.strip(), logger=record.name, exc_info=error)


def configure_libraries() -> None:
    """Route what libraries log through our logs; for processes, not for tests (they watch the loggers themselves)."""
    root = logging.getLogger()
    root.handlers[:] = [_Json()]
    root.setLevel(logging.WARNING)


def _without_messages_of_exceptions(_logger: Any, _method: str, event: Any) -> Any:
    """Where an exception came from is logged; what it says is not, since it may quote a record."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        frames = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename.rsplit('/', 3)[-1]}:{trace.tb_lineno}:{code.co_name}")
            trace = trace.tb_next
        event["exception"] = type(error).__name__
        event["frames"] = frames[-12:]
    return event


def _trace_to(service: str, endpoint: str) -> None:
    global _tracing
    if _tracing:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"shr-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
    PymongoInstrumentor().instrument()
    _tracing = True


async def flush() -> None:
    """Hand over the traces that still wait; a process that ends by a signal would take them along."""
    if _tracing:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            await asyncio.to_thread(provider.force_flush, 2000)


def trace_http(app: FastAPI) -> None:
    """Trace the requests of an app, if traces are on."""
    if _tracing:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        def withhold(span: Any, _scope: Any) -> None:
            # an address may name a person: the route's template says enough
            for name in ("http.url", "http.target", "url.path", "url.query", "url.full"):
                span.set_attribute(name, WITHHELD)

        FastAPIInstrumentor.instrument_app(
            app, excluded_urls="health/.*,metrics", server_request_hook=withhold, exclude_spans=["receive", "send"]
        )


@contextmanager
def consuming(group: str, records: Sequence[Record]) -> Iterator[None]:
    """One span for each traced record, a child of the trace that its producer began.

    Of a single record it is the current one; events about several carry on with ``record.traceparent``.
    """
    if not _tracing:
        yield
        return
    from opentelemetry import trace
    from opentelemetry.propagate import extract

    tracer = trace.get_tracer("shr.kafka")
    spans = [
        tracer.start_span(
            f"{group} process",
            context=extract(_carrier(record.headers)),
            kind=trace.SpanKind.CONSUMER,
            attributes={"messaging.system": "kafka", "messaging.destination.name": record.topic},
        )
        for record in records
        if record.traceparent
    ]
    try:
        with trace.use_span(spans[0]) if len(records) == len(spans) == 1 else nullcontext():
            yield
    finally:
        for span in spans:
            span.end()


def _carrier(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}


def traceparent() -> str | None:
    """The W3C trace context of what is under way, to travel with an event."""
    if not _tracing:
        return None
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")
