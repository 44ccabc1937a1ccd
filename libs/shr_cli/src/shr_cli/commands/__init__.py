"""One file, one command: ``commands/<name>.py`` with a Typer ``app`` is ``shr <name>`` (underscores become hyphens).

A file with one ``@app.command()`` is a plain command; with several, or with an ``@app.callback()``, a group
(``shr dlq list``). Failures are raised (``shr_cli.failure.Failure``), never printed; ``--json`` prints for machines.
Imports of anything heavy go inside the command functions.
"""
