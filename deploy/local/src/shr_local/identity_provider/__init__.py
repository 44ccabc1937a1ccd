"""The development identity provider: OIDC with authorization code + PKCE, client credentials, and ``shr token``.

In production Keycloak stands here. Everybody may be anybody: it exists so that the real sign-in can be run locally.
"""
