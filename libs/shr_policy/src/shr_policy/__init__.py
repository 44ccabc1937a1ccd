"""The one decision function: who may be shown what of a person's record. Pure: data in, a permit with filters out.

Used by consent (``POST /decisions``) and by every way out of the gateway. Nothing here reads a clock or a store.
"""

from shr_policy.age import dhaka_day, majority_of, of_age
from shr_policy.decision import Decision, Filter, decide
from shr_policy.disclosure import Admission, Item, admits
from shr_policy.emergencies import HOURS_LIMIT, hours_of
from shr_policy.grants import Actor, Grant
from shr_policy.standing import Posting, Registered, in_good_standing
from shr_policy.vocabulary import ACTIONS, EMERGENCY, LABELS, MODES, PURPOSES, READERS, SENSITIVE

__all__ = [
    "ACTIONS",
    "EMERGENCY",
    "HOURS_LIMIT",
    "LABELS",
    "MODES",
    "PURPOSES",
    "READERS",
    "SENSITIVE",
    "Actor",
    "Admission",
    "Decision",
    "Filter",
    "Grant",
    "Item",
    "Posting",
    "Registered",
    "admits",
    "decide",
    "dhaka_day",
    "hours_of",
    "in_good_standing",
    "majority_of",
    "of_age",
]
