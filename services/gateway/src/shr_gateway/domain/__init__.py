"""Pure rules of disclosure, freshness, search and display: no I/O, no clock, no framework."""
