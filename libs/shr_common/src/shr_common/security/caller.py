"""The verified caller of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROLES = frozenset(
    {"source_system", "registrar", "reviewer", "practitioner", "facility", "citizen", "administrator", "analyst"}
)


@dataclass(frozen=True, slots=True)
class Caller:
    """What a verified token says. ``token`` is handed on only where the portal hands a whole form on."""

    role: str
    subject: str
    health_id: str | None = None
    practitioner: str | None = None
    facility: str | None = None
    source: str | None = None
    guardian_of: tuple[str, ...] = ()
    scope: str = ""
    token: str = ""
    name: str | None = None

    @classmethod
    def of(cls, claims: dict[str, Any], token: str) -> Caller:
        """From verified claims."""
        guarded = claims.get("guardian_of") or ()
        if not isinstance(guarded, str | list | tuple):
            raise ValueError("guardian_of is a list of Health IDs")
        return cls(
            role=str(claims["role"]),
            subject=str(claims.get("sub", "")),
            health_id=_text(claims.get("health_id")),
            practitioner=_text(claims.get("practitioner")),
            facility=_text(claims.get("facility")),
            source=_text(claims.get("source")),
            guardian_of=(guarded,) if isinstance(guarded, str) else tuple(map(str, guarded)),
            scope=str(claims.get("scope", "")),
            token=token,
            name=_text(claims.get("name")),
        )

    @property
    def source_name(self) -> str:
        """``system/facility`` of a source system; ``system/unknown`` without a facility."""
        return f"{self.source or 'unknown'}/{self.facility or 'unknown'}"

    @property
    def id(self) -> str:
        """The id that an audit entry names."""
        own = {"citizen": self.health_id, "practitioner": self.practitioner, "facility": self.facility}
        if self.role == "source_system":
            return self.source_name
        return own.get(self.role) or self.subject or self.role


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
