"""One file per topic consumed, and the heartbeat."""
