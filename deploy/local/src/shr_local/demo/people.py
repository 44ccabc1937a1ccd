"""The people and systems of the story. Each does one thing at a time, over a public interface."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any
from urllib.parse import urljoin

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from shr_contracts.topics import ENCOUNTER_SUBMITTED, answer_topic

from shr_local.demo.forms import Form, forms_of, words_of
from shr_local.failure import StackError

FHIR_JSON = {"Content-Type": "application/fhir+json"}
PATIENCE_S = 30.0


class Hospital:
    """A hospital's own system: registers people over HTTP, publishes visits on Kafka, reads its answers there."""

    def __init__(self, *, client: httpx.AsyncClient, healthid: str, kafka: str, system: str, facility: str, token: str):
        self._client = client
        self._healthid = healthid
        self._kafka = kafka
        self._system = system
        self.source = f"{system}/{facility}"
        self._auth = {"Authorization": f"Bearer {token}"}

    async def registers(self, patient: dict[str, Any]) -> httpx.Response:
        """``POST /fhir/Patient``."""
        return await self._client.post(f"{self._healthid}/fhir/Patient", json=patient, headers=self._auth | FHIR_JSON)

    async def publishes(self, visit: bytes, *, submission_id: str, ce_type: str) -> str:
        """Produce to ``encounter.submitted``; answers where it lies once the broker has it durably."""
        producer = AIOKafkaProducer(bootstrap_servers=self._kafka, acks="all", enable_idempotence=True)
        await producer.start()
        try:
            headers = [
                ("ce_id", submission_id.encode()),
                ("ce_source", self.source.encode()),
                ("ce_type", ce_type.encode()),
            ]
            kept = await producer.send_and_wait(ENCOUNTER_SUBMITTED, visit, headers=headers)
            return f"{kept.topic}, partition {kept.partition}, offset {kept.offset}"
        finally:
            await producer.stop()

    async def answer(self, submission_id: str, *, state: str | None = None) -> dict[str, Any]:
        """What ``submission.answered.<system>`` says of a submission. Raises StackError when it says nothing."""
        topic = answer_topic(self._system)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or {0})]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            until = time.monotonic() + PATIENCE_S
            while time.monotonic() < until:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        answer: dict[str, Any] = json.loads(record.value)
                        mine = answer["submission_id"] == submission_id and answer["source"] == self.source
                        if mine and state in (None, answer["state"]):
                            return answer
        finally:
            await consumer.stop()
        raise StackError(f"{topic} says nothing of {submission_id} within {PATIENCE_S:.0f} s")


class Doctor:
    """A doctor at her hospital, with the token of her workplace."""

    def __init__(self, *, client: httpx.AsyncClient, gateway: str, consent: str, token: str) -> None:
        self._client = client
        self._gateway = gateway
        self._consent = consent
        self._auth = {"Authorization": f"Bearer {token}"}

    async def reads(self, health_id: str) -> httpx.Response:
        """``GET /profile/{health_id}`` to treat her."""
        return await self._client.get(
            f"{self._gateway}/profile/{health_id}", headers=self._auth | {"X-Purpose": "CAREMGT"}
        )

    async def asks(self, request: dict[str, Any]) -> httpx.Response:
        """``POST /consent-requests``."""
        return await self._client.post(f"{self._consent}/consent-requests", json=request, headers=self._auth)


class Visitor:
    """Somebody at a browser without scripts: follows links and redirects, fills in forms."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._client = httpx.AsyncClient(follow_redirects=True, timeout=30, trust_env=False)

    async def close(self) -> None:
        """Close the browser."""
        await self._client.aclose()

    async def opens(self, path: str) -> httpx.Response:
        """Go to a page of the portal."""
        return await self._client.get(urljoin(self._gateway, path))

    async def sends(self, page: httpx.Response, form: Form, **typed: str) -> httpx.Response:
        """Fill in a form and press its button."""
        address = urljoin(str(page.url), form.action)
        return await self._client.post(address, data=form.filled(**typed))

    async def signs_in_as_citizen(self, health_id: str) -> httpx.Response:
        """Health ID, then the one-time code (which the development provider shows). Returns the page after it."""
        start = await self.opens("/signin?next=/&lang=bn")
        asked = await self.sends(start, _form(start, "citizen"), health_id=health_id)
        code = re.search(r'id="dev-code">\s*(\d+)', asked.text)
        if code is None:
            raise StackError(f"sign-in shows no code: {words_of(asked.text)[:200]}")
        return await self.sends(asked, _form(asked, "code"), code=code.group(1))

    async def signs_in_at_work(self, account: str, *, to: str) -> httpx.Response:
        """A workplace account of the development provider."""
        start = await self.opens(f"/signin?next={to}")
        workplace = await self._client.get(str(start.url).split("?")[0] + "/workplace")
        return await self.sends(workplace, _form(workplace, "workplace"), account=account)

    async def sees(self, path: str, text: str) -> httpx.Response:
        """Open a page until it says something. Raises StackError when it does not in time."""
        until = time.monotonic() + PATIENCE_S
        while True:
            page = await self.opens(path)
            if text in words_of(page.text):
                return page
            if time.monotonic() > until:
                raise StackError(f"{path} does not say {text!r}")
            await asyncio.sleep(0.2)


def _form(page: httpx.Response, ending: str) -> Form:
    for form in forms_of(page.text):
        if form.action.split("?")[0].endswith(ending):
            return form
    raise StackError(f"{page.url} has no form {ending}: {words_of(page.text)[:200]}")


def form_to(page: httpx.Response, path: str) -> Form:
    """The form of a page that goes to a path."""
    return _form(page, path)
