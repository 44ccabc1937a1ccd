"""Routes: they translate, and call one use case."""
