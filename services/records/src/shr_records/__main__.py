"""``python -m shr_records``."""

import gc

from shr_common.service import run

from shr_records.main import create_app

# a batch holds tens of thousands of small objects that all die together: looking for cycles among them costs a quarter
gc.freeze()
gc.set_threshold(100_000, 20, 50)

run("records", create_app)
