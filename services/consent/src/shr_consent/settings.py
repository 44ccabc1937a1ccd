"""The settings of the consent service."""

from __future__ import annotations

from pydantic import Field
from shr_common.settings import ServiceSettings
from shr_policy import HOURS_LIMIT


class Settings(ServiceSettings):
    """Own settings beside those that all services share."""

    heartbeat_every_s: float = Field(0.25, description="How often a heartbeat goes to every partition.")
    sweep_every_s: float = Field(1.0, description="How often expired consents and requests are published as such.")
    request_days: int = Field(30, description="Days after which an unanswered request expires.")
    code_lifetime_s: float = Field(1800.0, description="How long the one-time code of a consent request holds.")
    codes_per_hour_limit: int = Field(20, description="One-time codes sent to one person in an hour.")
    guesses_per_day_limit: int = Field(20, description="Wrong codes and PINs told about one person in 24 hours.")
    pending_limit: int = Field(50, description="Unanswered requests of one requester about one person.")
    statements_limit: int = Field(2000, description="Consents and restrictions in force for one person.")
    break_glass_hours_limit: int = Field(
        HOURS_LIMIT, gt=0, le=HOURS_LIMIT, description=f"Longest emergency declaration; {HOURS_LIMIT} at most."
    )
    break_glass_per_day_limit: int = Field(20, description="Emergency declarations of one practitioner in 24 hours.")
    checkpoint_every_s: float = Field(60.0, description="How often the access log's heads are signed.")
    proof_limit: int = Field(500, description="Entries in one proof.")
