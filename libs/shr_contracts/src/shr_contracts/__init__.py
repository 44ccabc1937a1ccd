"""The published language of the Shared Health Record: topics, CloudEvents and event models. Pydantic only, no I/O."""
