"""One use case per file: what happens, in order."""
