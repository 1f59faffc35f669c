"""`pyinitctl schema`: the JSON Schema of pyinit.toml, for editors and other checkers."""

from __future__ import annotations

from pyinit.cli.present import say


def run_schema() -> int:
    """Print the schema."""
    from pyinit.config.json_schema import schema_text

    say(schema_text().rstrip("\n"))
    return 0
