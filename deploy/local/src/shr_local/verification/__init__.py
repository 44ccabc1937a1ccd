"""The development verification service: stands in for the national service that verifies NID and BRN."""
