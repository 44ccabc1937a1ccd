"""FHIR R4: parse strictly, validate with located findings, and serve what was sent.

Pure: no I/O but reading the packaged definitions once, no clock, no framework.

- ``json``: strict parsing; ``bundle``: bundles as raw entries, rules across entries.
- ``validate``: R4 structure, cardinality, primitives, bindings and invariants.
- ``definitions``: who a resource is about, its date, its references and codings.
- ``splice``: the served bytes; ``search_parameters``: R4's search parameters by type.
"""
