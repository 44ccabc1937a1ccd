"""Routes, request and response shapes, who may call."""
