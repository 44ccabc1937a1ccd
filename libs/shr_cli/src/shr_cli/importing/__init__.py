"""``shr import``: files of FHIR lines to the services, in batches, each acknowledged before it is forgotten."""
