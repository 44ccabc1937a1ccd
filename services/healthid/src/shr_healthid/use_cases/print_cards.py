"""Draw a person's card, or sheets of many."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from shr_common.errors import Category, Issue, ShrError

from shr_healthid.domain.card_face import Face, claims_of, face_of
from shr_healthid.domain.cards import Step
from shr_healthid.domain.person import Person
from shr_healthid.use_cases.change_card import ChangeCard

Form = Literal["pdf", "png", "svg"]
TOGETHER = 10
"""Cards of a sheet that are looked up at a time."""


class Signer(Protocol):
    """Signs what the code says."""

    def sign(self, payload: Mapping[str, Any]) -> str:
        """A compact JWS."""


class Studio(Protocol):
    """Draws."""

    async def card(self, face: Face, form: Form) -> bytes:
        """One card. Raises busy."""

    async def sheet(self, faces: Sequence[Face]) -> bytes:
        """A PDF of ten cards a page. Raises busy."""


class PrintCards:
    """A person without a card gets her first one by it (``registered``); a lost or revoked one is not drawn again."""

    def __init__(self, change: ChangeCard, signer: Signer, studio: Studio) -> None:
        self._change = change
        self._signer = signer
        self._studio = studio

    async def one(self, person: Person, form: Form, step: Step) -> bytes:
        """The card in a form. Raises conflict, busy."""
        return await self._studio.card(await self._face(person, step), form)

    async def sheet(self, people: Sequence[Person], step: Step) -> bytes:
        """A PDF of their cards. Raises invalid with the place of each that cannot be drawn, busy."""
        faces: list[Face] = []
        issues: list[Issue] = []
        for start in range(0, len(people), TOGETHER):
            some = people[start : start + TOGETHER]
            found = await asyncio.gather(*(self._face(one, step) for one in some), return_exceptions=True)
            for place, face in enumerate(found, start):
                if isinstance(face, Face):
                    faces.append(face)
                elif isinstance(face, ShrError) and face.category is Category.CONFLICT:
                    said = face.issues[0]
                    issues.append(Issue(said.text, expression=f"health_ids[{place}]", code="conflict",
                                        text_bn=said.text_bn))  # fmt: skip
                else:
                    raise face
        if issues:
            raise ShrError(Category.INVALID, issues)
        return await self._studio.sheet(faces)

    async def _face(self, person: Person, step: Step) -> Face:
        card = await self._change.standing(person, step)
        claims = claims_of(person.id, person.demographics, card)
        return face_of(claims, person.demographics, text=self._signer.sign(claims.as_json()))
