"""What the terminology service does, one story a file."""
