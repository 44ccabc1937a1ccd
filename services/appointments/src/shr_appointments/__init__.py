"""The appointments service: schedules, free slots, bookings and queues."""
