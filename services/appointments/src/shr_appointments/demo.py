"""The schedules of the demonstration: Dr. Nazmul Karim at Padma General Hospital, and a few more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

from shr_appointments.domain.schedules import WEEKDAYS, Schedule

WORKDAYS = ("mon", "tue", "wed", "thu", "sat", "sun")


def demo_schedules() -> Sequence[Schedule]:
    """Made once, when the store is empty. Dr. Nazmul Karim's is the first by id."""
    return (
        Schedule(
            id="20000002-10000002-medicine",
            facility="10000002",
            department="medicine",
            practitioner="20000002",
            name="Dr. Nazmul Karim, Padma General Hospital, Rajshahi",
            name_bn="ডা. নাজমুল করিম, পদ্মা জেনারেল হাসপাতাল, রাজশাহী",
            weekdays=WEEKDAYS,  # every day, so that the demonstration finds a slot whenever it runs
            times=((time(9), time(13)), (time(17), time(20))),
        ),
        Schedule(
            id="shapla-medicine-20000001",
            facility="10000001",
            department="medicine",
            practitioner="20000001",
            name="Dr. Farhana Islam, Shapla Medical College Hospital, Dhaka",
            name_bn="ডা. ফারহানা ইসলাম, শাপলা মেডিকেল কলেজ হাসপাতাল, ঢাকা",
            weekdays=WORKDAYS,
            times=((time(8), time(14)),),
        ),
        Schedule(
            id="meghna-outdoor",
            facility="10000003",
            department="outdoor",
            name="Outdoor service, Meghna Upazila Health Complex",
            name_bn="বহির্বিভাগ, মেঘনা উপজেলা স্বাস্থ্য কমপ্লেক্স",
            weekdays=WORKDAYS,
            times=((time(8), time(13)),),
            slot_minutes=10,
            horizon_days=14,
        ),
    )
