"""The Health ID service: persons, Health IDs, identity evidence, and messages to citizens."""
