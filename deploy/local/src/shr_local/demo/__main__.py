"""``python -m shr_local.demo``: tells nothing yet."""
