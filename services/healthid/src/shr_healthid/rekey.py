"""``python -m shr_healthid.rekey``: stored persons get the look-up keys of this release and these weights.

Run it once after an upgrade that says so, or after ``SHR_MATCH_WEIGHTS`` changed. It may run while the service works,
be stopped, and run again; whoever is up to date already is passed over.
"""

from __future__ import annotations

import asyncio
import sys

from shr_common.keys import Envelope, LookupKey
from shr_common.mongo import connect, ensure_indexes
from shr_common.settings import load

from shr_healthid.settings import Settings
from shr_healthid.storage.collections import INDEXES
from shr_healthid.storage.rekeying import rekey
from shr_healthid.storage.sealing import Sealing
from shr_healthid.storage.tokens import Tokens
from shr_healthid.weights_file import load_weights


async def run(settings: Settings) -> int:
    """How many persons were brought up to date."""
    client = connect(settings.mongo_uri)
    try:
        database = client[settings.database_of("healthid")]
        await ensure_indexes(database, INDEXES)
        weights = load_weights(settings.match_weights)
        tokens = Tokens(LookupKey.load(settings.keys_dir).hash, weights.words, weights_version=weights.version)
        sealing = Sealing(Envelope.load(settings.keys_dir, "master-healthid"), tokens)
        place, total = await rekey(database, sealing, tokens)
        while place:
            place, more = await rekey(database, sealing, tokens, after=place)
            total += more
        return total
    finally:
        await client.close()


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(run(load(Settings)))} persons have new look-up keys\n")
