"""The Health ID service's own settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from shr_common.settings import ServiceSettings

from shr_healthid.domain.approving import Policy

Role = Literal["source_system", "facility", "registrar"]
Element = Literal["name", "gender", "birth_date", "deceased", "address"]
Rule = Literal["auto", "second-person"]
_VITAL: dict[Element, Rule] = {
    "name": "second-person",
    "gender": "second-person",
    "birth_date": "second-person",
    "deceased": "second-person",
    "address": "auto",
}


class Settings(ServiceSettings):
    """What every service has, and how this one verifies, mints and waits."""

    verification_url: str = Field("http://127.0.0.1:8010", description="National verification service (NID, BRN).")
    verification_performer: str = Field("shr-healthid", description="Who asks, as the national service knows us.")
    verification_connect_s: float = Field(1.0, description="Longest wait for a connection to the national service.")
    verification_read_s: float = Field(2.0, description="Longest wait for an answer of the national service.")
    verification_failures: int = Field(5, description="Unreachable in a row before nobody asks for a while.")
    verification_pause_s: float = Field(2.0, description="How long nobody asks, before one question tries again.")
    verification_connections: int = Field(32, description="Questions to the national service at a time.")

    recheck_first_s: float = Field(1.0, description="Wait before the first later verification of a provisional person.")
    recheck_longest_s: float = Field(30.0, description="Longest wait between two later verifications.")
    recheck_poll_s: float = Field(0.5, description="How often the worker looks for persons who are due.")
    recheck_batch: int = Field(50, description="Later verifications in one round of the worker.")

    match_weights: str = Field("", description="File of matching weights trained on own pairs; empty: those shipped.")

    mint_block: int = Field(200, description="Health IDs that a process takes at a time.")
    bulk_lines_limit: int = Field(2000, ge=1, description="Lines of one NDJSON registration at most.")
    bulk_at_once: int = Field(250, ge=1, description="Lines of one NDJSON registration that run at the same time.")
    block_size_limit: int = Field(10_000, ge=1, description="Health IDs in one offline block at most.")
    block_open_limit: int = Field(20, ge=1, description="Open offline blocks that one source may have.")
    block_days: int = Field(400, ge=1, description="How long a new offline block is valid.")
    block_days_limit: int = Field(800, ge=1, description="How far from now a block's end may be put.")
    block_low_share: float = Field(0.1, ge=0, le=1, description="Share of a block left at which it is reported low.")
    block_warning_days: int = Field(30, ge=0, description="Days before its end from which a block is reported.")
    block_report_s: float = Field(60.0, gt=0, description="How often the metrics of offline blocks are set.")
    approvals: dict[Role, dict[Element, Rule]] = Field(
        {"source_system": _VITAL, "facility": _VITAL, "registrar": {}},
        description="What of a person's data waits for a second person when a role changes it (JSON; else auto).",
    )
    rewrap_batch: int = Field(200, ge=1, description="Documents that a key rotation seals anew at a time.")
    rewrap_pause_s: float = Field(0.02, ge=0, description="Pause of a key rotation after each batch.")
    rewrap_poll_s: float = Field(2.0, gt=0, description="How often a worker looks whether the master key was replaced.")
    rewrap_settle_s: float = Field(
        15.0, ge=0, description="Wait before a re-wrap begins: what the former key sealed is stored by then."
    )
    newborn_days: int = Field(90, description="How old a newborn without numbers may be.")
    cards_authority: str = Field("Directorate General of Health Services", description="Issuer on Health cards.")
    cards_authority_bn: str = Field("স্বাস্থ্য অধিদপ্তর", description="Issuer on Health cards, in Bangla.")
    cards_at_once: int = Field(2, ge=1, description="Drawings of Health cards at a time (threads).")
    cards_waiting_limit: int = Field(32, ge=0, description="Drawings that may wait; beyond, the answer is 429.")
    cards_sheet_limit: int = Field(100, ge=1, description="Health cards in one request for sheets (ten a page).")
    cards_status_ttl_s: int = Field(60, ge=1, description="Age at which the status list of cards is signed again.")
    cards_status_valid_s: int = Field(86_400, ge=1, description="Age above which nobody may rely on that list.")
    inbox_messages_limit: int = Field(100, description="Messages of one citizen that the development inbox shows.")

    def policy(self) -> Policy:
        """Which changes need a second person."""
        held = {role: frozenset(e for e, rule in rules.items() if rule != "auto")
                for role, rules in self.approvals.items()}  # fmt: skip
        return Policy({str(role): frozenset(str(e) for e in elements) for role, elements in held.items()})
