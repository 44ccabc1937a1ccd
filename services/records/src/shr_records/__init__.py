"""Submissions become part of a person's record: recorded, rejected with reasons, or parked until she is known."""
