"""What the appointments service does, one story a file."""
