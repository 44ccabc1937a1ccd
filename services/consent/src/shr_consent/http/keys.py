"""Public: the key that signs the access log, and the newest signed root, so that nobody can rewrite it quietly."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from shr_common.errors import not_found

from shr_consent.signing import AuditKey
from shr_consent.storage.checkpoints import CheckpointStore


def router(key: AuditKey, checkpoints: CheckpointStore) -> APIRouter:
    """``/.well-known/…``"""
    routes = APIRouter(tags=["public keys"])

    @routes.get("/.well-known/jwks.json")
    async def jwks() -> dict[str, Any]:
        """The key set of the access log."""
        return key.public

    @routes.get("/.well-known/audit-checkpoint")
    async def checkpoint() -> dict[str, Any]:
        """The newest checkpoint: keep it, and no later rewriting will fit it."""
        last = await checkpoints.last()
        if last is None:
            raise not_found("Nothing has been signed yet.")
        return {**last.claim, "signature": last.signature}

    return routes
