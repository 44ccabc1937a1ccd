"""Where the parts of Health cards meet; a corner of the factory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from shr_common.mongo import Client, Database

from shr_healthid.card_keys import CardKeys
from shr_healthid.http import cards
from shr_healthid.http.desk import Desk
from shr_healthid.rendering.drawing import Authority
from shr_healthid.rendering.studio import Studio
from shr_healthid.settings import Settings
from shr_healthid.storage.cards import CardStore
from shr_healthid.storage.sealing import Sealing
from shr_healthid.use_cases.change_card import ChangeCard
from shr_healthid.use_cases.print_cards import PrintCards
from shr_healthid.use_cases.publish_card_statuses import PublishCardStatuses
from shr_healthid.use_cases.verify_card import VerifyCard


@dataclass(frozen=True, slots=True)
class CardParts:
    """Routes of cards, and the part of the service's life that draws them."""

    routers: tuple[APIRouter, ...]
    studio: Studio


def card_parts(
    settings: Settings,
    client: Client,
    database: Database,
    *,
    sealing: Sealing,
    desk: Desk,
    now: Callable[[], datetime],
) -> CardParts:
    """Everything about cards. Ends the process with one line when there is no key to sign with."""
    keys = CardKeys.load(settings.keys_dir, create=settings.environment == "development")
    store = CardStore(client, database, sealing, timeout_s=settings.store_timeout_s)
    studio = Studio(
        Authority(settings.cards_authority, settings.cards_authority_bn),
        at_once=settings.cards_at_once,
        waiting_limit=settings.cards_waiting_limit,
    )
    change = ChangeCard(store)
    statuses = PublishCardStatuses(
        store,
        keys,
        ttl=timedelta(seconds=settings.cards_status_ttl_s),
        valid=timedelta(seconds=settings.cards_status_valid_s),
    )
    verify = VerifyCard(keys, store, desk.persons)
    at_desk = cards.CardDesk(desk, store, change, PrintCards(change, keys, studio), settings.cards_sheet_limit)
    public = cards.public_router(verify, statuses, jwks=lambda: keys.public, now=now)
    return CardParts((public, cards.router(at_desk)), studio)
