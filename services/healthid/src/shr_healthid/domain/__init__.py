"""Who a person is, and when two registrations mean one. Pure: no I/O, clock, random or framework."""
