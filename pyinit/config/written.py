"""Writes values as TOML, so that what is shown can be used as a configuration again."""

from __future__ import annotations

BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b"}


def value_text(value: object) -> str:
    """Return a value of tomli's as TOML on one line; a dollar that would expand is doubled."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(_dollars(value))
        case list():
            return "[" + ", ".join([value_text(item) for item in value]) + "]"
        case dict():
            inner = ", ".join(
                [f"{key_text(key)} = {value_text(item)}" for key, item in value.items()]
            )
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            return str(value)


def key_text(key: str) -> str:
    """Return a key as TOML, quoted if it must be."""
    return key if key and BARE.issuperset(key) else _quoted(key)


def is_value(text: str) -> bool:
    """Say whether a text is a value of TOML (and no words about one)."""
    import tomli

    try:
        tomli.loads(f"value = {text}")
    except tomli.TOMLDecodeError:
        return False
    return True


def _dollars(text: str) -> str:
    parts = [
        "$$" if char == "$" and text[at + 1 : at + 2] in ("$", "{") else char
        for at, char in enumerate(text)
    ]
    return "".join(parts)


def _quoted(text: str) -> str:
    parts = [
        ESCAPES.get(char, char if char >= " " and char != "\x7f" else f"\\u{ord(char):04x}")
        for char in text
    ]
    return '"' + "".join(parts) + '"'
