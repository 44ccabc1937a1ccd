"""The whole system on one machine without containers: a real broker, a real database, every service.

What lies where: ``supervisor`` (the one process that watches all others), ``stack`` (start, stop, state: what
``shr up|down|status`` call), ``kafka`` and ``mongo`` (one server each, for runs and for tests), ``doubles`` (the
development identity provider and verification service), ``testing`` (real infrastructure for tests).
"""
