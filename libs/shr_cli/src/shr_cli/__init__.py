"""The ``shr`` command. Each command is one file in ``shr_cli.commands`` and is imported only when it is called."""
