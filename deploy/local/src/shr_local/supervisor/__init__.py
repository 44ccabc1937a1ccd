"""The one process that watches all others: starts, checks, starts again, and stops them in order."""
