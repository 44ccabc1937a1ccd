"""Who may call: a source system, as long as its token says which one (interfaces §2)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from shr_common.errors import forbidden
from shr_common.security import Caller, allow


def _named(caller: Caller) -> Caller:
    if caller.role == "source_system" and not (caller.source or "").strip():
        en = "This token names no source system: ask for one with the claim source (and facility, to read as author)."
        bn = "এই টোকেনে উৎস সিস্টেমের নাম নেই: source দাবিসহ (এবং লেখকের অধিকারের জন্য facility) টোকেন নিন।"
        raise forbidden(en, text_bn=bn)
    return caller


async def _source(caller: Annotated[Caller, allow("source_system")]) -> Caller:
    return _named(caller)


async def _source_or_administrator(caller: Annotated[Caller, allow("source_system", "administrator")]) -> Caller:
    return _named(caller)


Source = Annotated[Caller, Depends(_source)]
"""A source system, by name; without a facility it is ``system/unknown``."""

SourceOrAdministrator = Annotated[Caller, Depends(_source_or_administrator)]
"""The same, or an administrator."""
