"""The registry service: facilities, practitioners, roles and services, and where staff are posted."""
