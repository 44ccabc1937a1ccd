"""One store per aggregate. Numbers, phones and whole Patients are sealed at rest; look-ups are keyed hashes."""
