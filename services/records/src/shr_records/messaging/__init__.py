"""One module per topic consumed."""
