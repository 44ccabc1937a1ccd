"""Logs, metrics and traces: structlog JSON without personal data, Prometheus, OpenTelemetry when OTLP is configured."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

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


def configure(service: str, *, level: str, otlp_endpoint: str | None) -> None:
    """Set up the logs of a process, and its traces if an OTLP endpoint is given."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_messages_of_exceptions,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), logging.INFO)),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    for noisy in ("aiokafka", "faststream", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    if otlp_endpoint:
        _trace_to(service, otlp_endpoint)


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


def trace_http(app: FastAPI) -> None:
    """Trace the requests of an app, if traces are on."""
    if _tracing:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, excluded_urls="health/.*,metrics")


@contextmanager
def consuming(group: str, records: Sequence[Record]) -> Iterator[None]:
    """One span for each traced record, a child of the trace that its producer began."""
    if not _tracing:
        yield
        return
    from opentelemetry import trace
    from opentelemetry.propagate import extract

    tracer = trace.get_tracer("shr.kafka")
    with ExitStack() as spans:
        for record in records:
            spans.enter_context(
                tracer.start_as_current_span(
                    f"{group} process",
                    context=extract(_carrier(record.headers)),
                    kind=trace.SpanKind.CONSUMER,
                    attributes={"messaging.system": "kafka", "messaging.destination.name": record.topic},
                )
            )
        yield


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
