"""What the registry knows and how it judges it: pure."""
