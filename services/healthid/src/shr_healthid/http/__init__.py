"""Routes: who may call stands in each signature; handlers translate and hand over."""
