"""What the registry does, one story a file."""
