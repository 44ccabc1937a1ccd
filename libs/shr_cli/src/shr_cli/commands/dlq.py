"""``shr dlq``: what no retry could mend. List it, look at it (audited), send it again as it was or mended."""

from __future__ import annotations

import asyncio
import base64
import getpass
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from shr_local.paths import Home

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json, print_table

if TYPE_CHECKING:
    from shr_common.kafka import DeadLetter, Producer
    from shr_common.keys import Envelope

app = typer.Typer(no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="topic:partition:offset, as `shr dlq list` shows it.")]
SUFFIX = ".dlq"
TIMEOUT_S = 10.0


@app.callback()
def dlq() -> None:
    """Dead letters: list, show, mend, replay."""


@app.command("list")
def list_(
    topic: Annotated[str | None, typer.Argument(help="Of this topic only, e.g. encounter.submitted.")] = None,
    limit: Annotated[int, typer.Option(help="The newest of each topic, at most.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Show the dead letters, oldest first, without their bytes."""
    letters = asyncio.run(_list(topic.removesuffix(SUFFIX) if topic else None, max(limit, 1)))
    entries = [
        {
            "id": letter.id,
            "topic": letter.topic,
            "category": letter.category,
            "reason": letter.reason,
            "source": dict(letter.headers).get("ce_source", b"").decode("utf-8", "replace") or None,
            "submission_id": dict(letter.headers).get("ce_id", b"").decode("utf-8", "replace") or None,
            "at": _time(letter),
        }
        for letter in letters
    ]
    if as_json:
        print_json({"entries": entries})
        return
    columns = ("id", "category", "reason", "source", "submission_id", "at")
    print_table(columns, ([entry[name] for name in columns] for entry in entries))


@app.command()
def show(id: IdArgument, as_json: JsonOption = False) -> None:
    """Print the exact bytes to stdout, the headers to stderr (or all in --json). The look is audited first."""
    letter, key, value = asyncio.run(_show(id))
    headers = [(name, text.decode("utf-8", "replace")) for name, text in letter.headers]
    said = {"dlq_category": letter.category, "dlq_reason": letter.reason, "dlq_topic": letter.topic}
    if as_json:
        print_json(
            {
                "id": letter.id,
                "at": _time(letter),
                **said,
                "key": key.decode("utf-8", "replace") if key is not None else None,
                "headers": [{"name": name, "value": text} for name, text in headers],
                "payload": _text(value),
                "payload_base64": base64.b64encode(value).decode(),
            }
        )
        return
    for name, text in [*headers, *said.items()]:
        print(f"{name}: {text}", file=sys.stderr)
    sys.stdout.flush()
    sys.stdout.buffer.write(value)
    sys.stdout.buffer.flush()


@app.command()
def replay(id: IdArgument, as_json: JsonOption = False) -> None:
    """Send a dead letter to its topic again, as it first came: bytes, headers and key."""
    _sent(asyncio.run(_again(id, None)), as_json)


@app.command()
def mend(
    id: IdArgument,
    file: Annotated[Path, typer.Argument(help="The mended bytes; headers and key stay as they were.")],
    as_json: JsonOption = False,
) -> None:
    """Send a dead letter to its topic again with other bytes."""
    _sent(asyncio.run(_again(id, file.read_bytes())), as_json)


def _sent(letter: DeadLetter, as_json: bool) -> None:
    if as_json:
        print_json({"id": letter.id, "topic": letter.topic})
    else:
        typer.echo(f"dlq: {letter.id} sent to {letter.topic} again")


def _time(letter: DeadLetter) -> str:
    from shr_contracts.cloudevents import rfc3339

    return rfc3339(datetime.fromtimestamp(letter.buried_at_ms / 1000, UTC))


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _bootstrap() -> str:
    """``SHR_KAFKA_BOOTSTRAP``, else the running stack's broker, else the documented port."""
    from shr_local.ports import Ports
    from shr_local.state import read

    named = os.environ.get("SHR_KAFKA_BOOTSTRAP")
    if named:
        return named
    running = read(Home.from_environment().state_file)
    return f"127.0.0.1:{running.kafka.port if running else Ports.from_environment()['kafka']}"


def _envelope() -> Envelope:
    from shr_common.keys import Envelope

    named = os.environ.get("SHR_KEYS_DIR")
    try:
        return Envelope.load(Path(named) if named else Home.from_environment().keys, "dlq")
    except SystemExit as missing:
        raise Failure(str(missing)) from None


def _opened(letter: DeadLetter, envelope: Envelope) -> tuple[bytes | None, bytes]:
    try:
        return letter.key(envelope), letter.value(envelope)
    except ValueError:
        raise Failure(f"{letter.id} is sealed under another key than this key store's dlq.key") from None


@asynccontextmanager
async def _producing() -> AsyncIterator[Producer]:
    from shr_common import telemetry
    from shr_common.kafka import Producer

    telemetry.configure("cli", level="CRITICAL", otlp_endpoint=None)  # stdout is for the bytes
    producer = Producer(_bootstrap(), client_id="shr-cli", timeout_s=TIMEOUT_S)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _list(topic: str | None, limit: int) -> list[DeadLetter]:
    """The newest of one topic, or of all, in the order of their time; one that was buried twice once."""
    found: dict[str, DeadLetter] = {}
    async for letter in _read(topic, limit):
        found.setdefault(letter.id, letter)
    return sorted(found.values(), key=lambda letter: letter.buried_at_ms)


async def _find(id: str) -> DeadLetter:
    topic, *place = id.rsplit(":", 2)
    if len(place) != 2 or not all(part.isdigit() for part in place):
        raise Failure(f"{id} is no dead letter's id; they look like encounter.submitted:3:117")
    async with aclosing(_read(topic, None)) as letters:
        async for letter in letters:
            if letter.id == id:
                return letter
    raise Failure(f"there is no dead letter {id}")


async def _show(id: str) -> tuple[DeadLetter, bytes | None, bytes]:
    letter = await _find(id)
    key, value = _opened(letter, _envelope())
    async with _producing() as producer:
        await _audit(producer, letter, key)
    return letter, key, value


async def _again(id: str, mended: bytes | None) -> DeadLetter:
    letter = await _find(id)
    envelope = _envelope()
    _opened(letter, envelope)
    async with _producing() as producer:
        await producer.send([letter.again(envelope, mended)])
    return letter


async def _audit(producer: Producer, letter: DeadLetter, key: bytes | None) -> None:
    """The look becomes an entry of the access log before a byte is shown; without the entry, nothing is."""
    import uuid

    from shr_common.identifiers import is_person_id
    from shr_common.kafka import Message
    from shr_contracts.cloudevents import Event, event_type
    from shr_contracts.events import Actor, Looked, RecordAccessed
    from shr_contracts.topics import RECORD_ACCESSED

    person = (key or b"").decode("utf-8", "replace")
    now, entry = datetime.now(UTC), str(uuid.uuid4())
    said = RecordAccessed(
        id=entry,
        patient=person if is_person_id(person) else "unknown",
        actor=Actor(role="administrator", id=getpass.getuser(), facility=None),
        purpose="HOPERAT",
        decision="permit",
        what=[Looked(type=f"dead letter {letter.id}", count=1)],
        at=now,
    )
    event = Event(
        topic=RECORD_ACCESSED,
        key=said.patient,
        id=entry,
        type=event_type(RECORD_ACCESSED),
        source="cli",
        subject=entry,
        time=now,
        value=said.model_dump_json(by_alias=True).encode(),
    )
    await producer.send([Message(event.topic, event.key.encode(), event.value, event.headers())])


async def _read(topic: str | None, newest: int | None) -> AsyncGenerator[DeadLetter, None]:
    """Every dead letter of a topic's queue, or of all queues, up to what is there now."""
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.errors import KafkaError
    from shr_common.kafka import DeadLetter, Record

    where = _bootstrap()
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=where, enable_auto_commit=False)
    try:
        await asyncio.wait_for(consumer.start(), TIMEOUT_S)
        queues = sorted(name for name in await consumer.topics() if name.endswith(SUFFIX))
        if topic is not None and f"{topic}{SUFFIX}" not in queues:
            raise Failure(f"there is no topic {topic}{SUFFIX}")
        wanted = [f"{topic}{SUFFIX}"] if topic is not None else queues
        parts = [
            TopicPartition(queue, number)
            for queue in wanted
            for number in sorted(consumer.partitions_for_topic(queue) or {0})
        ]
        if not parts:
            return
        consumer.assign(parts)
        begins, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        for part in parts:
            consumer.seek(part, max(begins[part], ends[part] - newest) if newest else begins[part])
        waiting = {part for part in parts if await consumer.position(part) < ends[part]}
        while waiting:
            for batch in (await consumer.getmany(*waiting, timeout_ms=1000, max_records=500)).values():
                for letter in (DeadLetter.of(Record.of(record)) for record in batch):
                    if letter is not None:
                        yield letter
            waiting = {part for part in waiting if await consumer.position(part) < ends[part]}
    except (KafkaError, TimeoutError) as error:
        raise Failure(f"Kafka does not answer at {where} ({type(error).__name__})") from None
    finally:
        await consumer.stop()
