"""The gateway's own settings."""

from __future__ import annotations

from pydantic import Field
from shr_common.settings import PORTS, ServiceSettings, port_of


class Settings(ServiceSettings):
    """What the gateway needs beyond what every service has."""

    own_mongo_uri: str | None = Field(
        None, description="Where audit outbox, sessions and emergencies are kept; default: with the views."
    )
    consent_age_limit_s: float = Field(2.0, description="Older than this, consent state opens nothing (503).")
    emergency_limit_s: int = Field(
        3600, gt=0, le=3600, description="Longest emergency declared here while consent is away; an hour at most."
    )
    session_s: int = Field(8 * 3600, description="Longest browser session.")

    consent_url: str | None = Field(None, description="Where forms about consent are handed on to; default: beside us.")
    healthid_url: str | None = Field(
        None, description="Where the registrar's forms are handed on to; default: beside us."
    )
    hand_on_timeout_s: float = Field(3.0, description="Longest wait for the service that a form is handed on to.")

    portal_client: str = Field("portal", description="Client id of the portal at the identity provider.")
    authorize_url: str | None = Field(None, description="Default {issuer}/authorize.")
    token_url: str | None = Field(None, description="Default {issuer}/token.")
    portal_url: str | None = Field(None, description="Public address of the portal; default: that of the request.")

    @property
    def consent_base(self) -> str:
        """The consent service."""
        return self.consent_url or f"http://127.0.0.1:{port_of('consent', PORTS['consent'])}"

    @property
    def healthid_base(self) -> str:
        """The registry of persons."""
        return self.healthid_url or f"http://127.0.0.1:{port_of('healthid', PORTS['healthid'])}"

    @property
    def sign_in_url(self) -> str:
        """Where a browser is sent to sign in."""
        return self.authorize_url or f"{self.issuer}/authorize"

    @property
    def code_exchange_url(self) -> str:
        """Where an authorization code becomes a token."""
        return self.token_url or f"{self.issuer}/token"
