"""Routes: parse, call one use case, render."""
