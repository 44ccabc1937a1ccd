"""``POST /verify-and-get-data`` of the national service: bounded waits, one retry, and a circuit breaker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import orjson
from prometheus_client import Counter
from shr_common.errors import Category, ShrError, unavailable

from shr_healthid.domain.evidence import Finding, Question
from shr_healthid.domain.names import is_bangla
from shr_healthid.domain.person import Demographics
from shr_healthid.verification.circuit import Circuit
from shr_healthid.verification.connections import Answer, Connections

ASKED = Counter("shr_verifications_total", "Questions to the national service by answer.", ["answer"])
GENDERS = {"m": "male", "f": "female", "o": "other", "পুরুষ": "male", "মহিলা": "female", "নারী": "female"}
RETRY_AFTER_S = (0.05, 0.15)


class NationalVerification:
    """The national service over HTTP. Part of the service's life."""

    def __init__(
        self,
        url: str,
        *,
        performer: str,
        connect_s: float,
        read_s: float,
        connections: int,
        circuit: Circuit,
        hash_of: Callable[[str, str], str],
    ) -> None:
        self._url = f"{url.rstrip('/')}/verify-and-get-data"
        self._performer = performer
        self._bounds = {"connect_s": connect_s, "read_s": read_s}
        self._connections = connections
        self._circuit = circuit
        self._hash_of = hash_of
        self._client: Connections | None = None

    async def start(self) -> None:
        """Ready to ask; the service itself may be away."""
        self._client = Connections(self._url, **self._bounds, limit=self._connections)

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    @property
    def is_away(self) -> bool:
        """Whether the breaker is open."""
        return self._circuit.is_open

    async def ask(self, question: Question) -> Finding:
        """The answer. Raises unavailable after one retry, or at once while the breaker is open."""
        if not self._circuit.admits():
            ASKED.labels(answer="spared").inc()
            raise unavailable("The national service is away.")
        try:
            for attempt in (0, 1):
                answer = await self._post(question)
                if answer is not None and answer.status < 500:
                    return self._finding(question, answer)
                if attempt == 0:
                    await asyncio.sleep(random.uniform(*RETRY_AFTER_S))  # noqa: S311 (jitter)
        except asyncio.CancelledError:
            self._circuit.abandoned()
            raise
        ASKED.labels(answer="none").inc()
        number_hash = self._hash_of(question.kind, question.number)
        self._circuit.failed(number_hash, reached=answer is not None)
        raise unavailable("The national service does not answer.")

    async def _post(self, question: Question) -> Answer | None:
        """The answer; None when there was none in time."""
        if self._client is None:
            return None
        said = {
            "performer": self._performer,
            "nidOrBrn": question.number,
            "type": question.kind,
            "name": question.name,
            "dob": question.birth_date,
            "mobile": question.mobile,
        }
        try:
            return await self._client.post(orjson.dumps(said))
        except OSError:
            return None

    def _finding(self, question: Question, answer: Answer) -> Finding:
        """200 is the citizen, 400 and 404 say that there is none; anything else is a service gone wrong."""
        if answer.status in (400, 404):
            self._circuit.succeeded()
            ASKED.labels(answer="unknown").inc()
            return Finding(exists=False)
        try:
            if answer.status != 200:
                raise ValueError("unexpected status")
            finding = _read(orjson.loads(answer.body))
        except (ValueError, TypeError, AttributeError, KeyError):
            self._circuit.failed(self._hash_of(question.kind, question.number), reached=True)
            ASKED.labels(answer="unreadable").inc()
            raise ShrError(Category.UNAVAILABLE, "The national service's answer cannot be read.") from None
        self._circuit.succeeded()
        ASKED.labels(answer="citizen").inc()
        return finding


def _read(answer: dict[str, Any]) -> Finding:
    citizen = answer["citizenData"]
    names = tuple(dict.fromkeys(n.strip() for n in (citizen.get("name"), citizen.get("nameBangla")) if n))
    gender = str(citizen.get("gender") or "").lower()
    forms = answer.get("nid") or {}
    return Finding(
        exists=True,
        citizen=Demographics(
            names=names,
            name=next((name for name in names if not is_bangla(name)), None),
            name_bn=next((name for name in names if is_bangla(name)), None),
            gender=GENDERS.get(gender, gender) or None,
            birth_date=str(citizen["dob"])[:10] if citizen.get("dob") else None,
        ),
        nid_forms={str(length): str(value) for length, value in forms.items()},
    )
