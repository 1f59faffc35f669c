"""Markers: words that stand for variables while a supervisord file becomes a pyinit.toml.

`%(ENV_PORT)s` shall be `${PORT}` in the new file, not what the variable happens to be today.  So
the file is compiled with a marker in place of every variable's value, and the markers in what
comes out are replaced.  Only where a value must be a number or a known word the variable's own
value is taken.
"""

from __future__ import annotations

from pyinit.config.written import value_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyinit.config.ini_read import Ini

START, END = "zqx", "xqz"  # letters only: they pass every splitter, quote and lower-caser
OPENING = "%(ENV_"
INSTANCE = "INSTANCE"


class Markers:
    """The markers of one file: names for `Ini`, and what they stand for."""

    def __init__(self, ini: Ini, environ: Mapping[str, str], here: str) -> None:
        self.here = here
        self._variables: list[str] = []
        self.instead: dict[str | int, str | int] = {}
        self.taken: set[str] = set()
        for name in (*environ, *_missing(ini, environ)):
            marker = self.of(name)
            plain = name.partition(":-")[0]
            ini.names[f"ENV_{name}"] = marker
            if plain in environ:
                self.instead[marker] = environ[plain]
            elif ":-" in name:
                self.instead[marker] = name.partition(":-")[2]
        self.instance = self.of(INSTANCE)
        host = self.of("HOSTNAME")
        self.instead[host] = ini.names["host_node_name"]
        ini.names["host_node_name"] = host

    def of(self, variable: str) -> str:
        """Return a new marker for a variable, which may have a default behind `:-`."""
        self._variables.append(variable)
        return f"{START}{len(self._variables) - 1}{END}"

    def is_in(self, text: str) -> bool:
        """Say whether a text has a marker."""
        return START in text

    def toml(self, value: object) -> str:
        """Return a value as TOML, with variables where there are markers."""
        text = value_text(value)
        if START not in text:
            return text
        for number, variable in reversed(list(enumerate(self._variables))):
            marker = f"{START}{number}{END}"
            text = text.replace(f"{self.here.rstrip('/')}/{marker}", marker)
            text = text.replace(marker, f"${{{variable}}}")
        return text

    def real(self, text: str) -> str:
        """Return a text with the values that the variables have today; none for those unset."""
        for number in reversed(range(len(self._variables))):
            marker = f"{START}{number}{END}"
            text = text.replace(marker, str(self.instead.get(marker, "")))
        return text


def is_quoted(command: str, word: str) -> bool:
    """Say whether `word` stands within quotes of `command`."""
    at = command.find(word)
    quote = ""
    for char in command[: max(at, 0)]:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
    return bool(quote)


def _missing(ini: Ini, environ: Mapping[str, str]) -> Iterable[str]:
    """Return the variables that the file uses and that are not set, and those with a default."""
    found: dict[str, None] = {}
    for block in ini.blocks.values():
        for entry in block.entries.values():
            for part in entry.value.split(OPENING)[1:]:
                name = part.partition(")")[0]
                if name not in environ:
                    found[name] = None
    return found
