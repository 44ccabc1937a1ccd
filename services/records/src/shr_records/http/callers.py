"""Who may call: a source system, as long as its token says which one (interfaces §2)."""

from __future__ import annotations

from typing import Annotated

from shr_common.errors import forbidden
from shr_common.security import Caller, allow


def _names_its_system(caller: Caller) -> None:
    if caller.role == "source_system" and not (caller.source or "").strip():
        en = "This token names no source system: ask for one with the claim source (and facility, to read as author)."
        bn = "এই টোকেনে উৎস সিস্টেমের নাম নেই: source দাবিসহ (এবং লেখকের অধিকারের জন্য facility) টোকেন নিন।"
        raise forbidden(en, text_bn=bn)


Source = Annotated[Caller, allow("source_system", that=_names_its_system)]
"""A source system, by name; without a facility it is ``system/unknown``."""

SourceOrAdministrator = Annotated[Caller, allow("source_system", "administrator", that=_names_its_system)]
"""The same, or an administrator."""
