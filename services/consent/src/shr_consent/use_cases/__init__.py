"""One use case, one file, named by its verb."""
