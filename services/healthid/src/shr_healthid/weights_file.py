"""The file of matching weights: the one shipped, or one's own (``SHR_MATCH_WEIGHTS``)."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from shr_healthid.domain.weights import BadWeights, Weights


def load_weights(path: str = "") -> Weights:
    """The weights of a file, or those shipped. Ends the start (SystemExit) with the reason if they cannot be used."""
    try:
        raw = Path(path).read_bytes() if path else files("shr_healthid").joinpath("weights.json").read_bytes()
        return Weights.of(json.loads(raw))
    except (OSError, ValueError, BadWeights) as error:
        raise SystemExit(f"SHR_MATCH_WEIGHTS: {type(error).__name__}: {error}") from None
