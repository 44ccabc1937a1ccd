"""Where schedules, bookings and the replicas lie."""
