"""One file per topic consumed."""
