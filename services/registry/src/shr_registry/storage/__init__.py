"""Where resources and their versions lie."""
