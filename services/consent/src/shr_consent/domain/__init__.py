"""Rules that a citizen, a doctor or a lawyer could argue with. No I/O, no clock."""
