"""What an appointment is and who may make one: pure."""
