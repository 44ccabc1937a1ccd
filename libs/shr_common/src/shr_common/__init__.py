"""What every service of the Shared Health Record needs, one package per job; no business rules."""
