"""The provider's HTTP side: discovery, keys, ``/token``; the pages of a sign-in are in ``pages``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from shr_local.identity_provider.accounts import directory
from shr_local.identity_provider.signin import CODE_S, SIGN_IN_S, Expiring, Grant, SignIn, matches
from shr_local.identity_provider.tokens import SCOPES, TTL_S, Signer, Subject, issuer
from shr_local.identity_provider.web import pages_router
from shr_local.keys import ensure
from shr_local.operations import new_app
from shr_local.paths import Home

FORM_LIMIT_BYTES = 16 * 1024
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthError(Exception):
    """A refusal of the token endpoint (RFC 6749 §5.2)."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


def create_app(home: Home | None = None) -> FastAPI:
    """The provider over the key store of ``home``."""
    home = home or Home.from_environment()
    ensure(home.keys)
    signer = Signer(home.keys, issuer())
    sign_ins: Expiring[SignIn] = Expiring(seconds=SIGN_IN_S)
    grants: Expiring[Grant] = Expiring(seconds=CODE_S)
    app = new_app("Development identity provider")
    app.include_router(pages_router(sign_ins=sign_ins, grants=grants, issuer=signer.issuer))

    @app.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, Any]:
        """OpenID Connect discovery."""
        return _configuration(signer.issuer)

    @app.get("/jwks")
    async def jwks() -> JSONResponse:
        """The public keys: every idp*.pem of the key store, so that old and new work while keys are rotated."""
        return JSONResponse(signer.public_keys(), headers={"Cache-Control": "public, max-age=60"})

    @app.post("/token")
    async def token(request: Request) -> Response:
        """Exchange an authorization code (PKCE), or a client's own credentials, for an access token."""
        try:
            form = await read_form(request)
            answer = _token(form, request.headers.get("authorization"), signer, grants)
        except OAuthError as refusal:
            said = {"error": refusal.error, "error_description": refusal.description}
            challenge = {"WWW-Authenticate": 'Basic realm="token"'} if refusal.status == 401 else {}
            return JSONResponse(said, status_code=refusal.status, headers=NO_STORE | challenge)
        return JSONResponse(answer, headers=NO_STORE)

    return app


def _configuration(own: str) -> dict[str, Any]:
    return {
        "issuer": own,
        "authorization_endpoint": f"{own}/authorize",
        "token_endpoint": f"{own}/token",
        "jwks_uri": f"{own}/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
        "scopes_supported": ["openid", "profile", *sorted(set(SCOPES.values()))],
        "claims_supported": ["sub", "role", "health_id", "practitioner", "facility", "source", "guardian_of", "name"],
        "ui_locales_supported": ["bn", "en"],
    }


async def read_form(request: Request) -> dict[str, str]:
    """An urlencoded form; each field once. Raises OAuthError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT_BYTES:
            raise OAuthError("invalid_request", "The form is too large.", status=413)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise OAuthError("invalid_request", "The body is not an urlencoded form.") from None
    if any(len(values) > 1 for values in fields.values()):
        raise OAuthError("invalid_request", "A field is there twice.")
    return {name: values[0] for name, values in fields.items()}


def _token(
    form: Mapping[str, str], authorization: str | None, signer: Signer, grants: Expiring[Grant]
) -> dict[str, Any]:
    kind = form.get("grant_type")
    if kind == "authorization_code":
        return _redeem(form, signer, grants)
    if kind == "client_credentials":
        return _for_client(form, authorization, signer)
    raise OAuthError("unsupported_grant_type", "Use authorization_code or client_credentials.")


def _redeem(form: Mapping[str, str], signer: Signer, grants: Expiring[Grant]) -> dict[str, Any]:
    """A code is used up by the first try, right or wrong."""
    grant = grants.take(form.get("code", ""))
    if grant is None:
        raise OAuthError("invalid_grant", "The code is unknown, was used, or is older than a minute.")
    asked = grant.sign_in
    if form.get("client_id") != asked.client or form.get("redirect_uri") != asked.redirect_uri:
        raise OAuthError("invalid_grant", "The code was given to another client or return address.")
    if not matches(form.get("code_verifier", ""), asked.challenge):
        raise OAuthError("invalid_grant", "The code verifier does not match.")
    answer = _answer(grant.subject, asked.scope, signer)
    if "openid" in asked.scope.split():
        answer["id_token"] = signer.id_token(grant.subject, client=asked.client, nonce=asked.nonce)
    return answer


def _for_client(form: Mapping[str, str], authorization: str | None, signer: Signer) -> dict[str, Any]:
    client, secret = _credentials(form, authorization)
    known = directory()
    subject = known.clients.get(client)
    if subject is None or secret != known.client_secret:
        raise OAuthError("invalid_client", "The client or its secret is not known.", status=401)
    return _answer(subject, form.get("scope", ""), signer)


def _credentials(form: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
    if authorization and authorization.lower().startswith("basic "):
        try:
            client, _, secret = base64.b64decode(authorization[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise OAuthError("invalid_client", "The Authorization header cannot be read.", status=401) from None
        return unquote(client), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _answer(subject: Subject, asked_scope: str, signer: Signer) -> dict[str, Any]:
    """The role's own scope unless a narrower SMART scope was asked for."""
    smart = " ".join(word for word in asked_scope.split() if "/" in word)
    scope = smart or SCOPES[subject.role]
    return {
        "access_token": signer.access_token(subject, scope=scope),
        "token_type": "Bearer",
        "expires_in": TTL_S,
        "scope": scope,
    }
