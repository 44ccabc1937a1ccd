"""One store per aggregate; all of MongoDB is here."""
