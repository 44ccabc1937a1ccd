"""The terminology service: code systems, value sets and concept maps in a versioned read-only index."""
