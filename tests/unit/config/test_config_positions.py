"""Lines of keys: found in any layout of TOML, and the same keys that tomli finds."""

import tomli
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pyinit.config.positions import line_of, scan
from pyinit.config.problems import Problems

TEXT = """\
# comment with [brackets] and "quotes"
include = [
    "one",  # first
    "two"]
[init]
limits = { nofile = 1, core = { deep = "x" } }

[ program . web ]
command = ["a", "b"]
text = '''
[not.a.header]
key = 1
'''
"quoted \\u0041" = 1
a.b . "c d" = 1
[[table]]
x = 1
[[table]]
x = 2
  [table.inner]
  y = [[1, 2],
       [3]]
"""
KEYS = ("a", "b", "c-d", "1", "true", "e_f")
QUOTED = ("a b", "x.y", "[z]", "q=", "#h", "\u00e9", 'do"uble', "tab\t", "", "it's", "\\")


def test_every_kind_of_key_has_its_line():
    places = scan(TEXT)
    wanted = {
        ("include",): 2,
        ("include", 0): 3,
        ("include", 1): 4,
        ("init",): 5,
        ("init", "limits"): 6,
        ("init", "limits", "nofile"): 6,
        ("init", "limits", "core", "deep"): 6,
        ("program",): 8,
        ("program", "web"): 8,
        ("program", "web", "command"): 9,
        ("program", "web", "command", 1): 9,
        ("program", "web", "text"): 10,
        ("program", "web", "quoted A"): 14,
        ("program", "web", "a"): 15,
        ("program", "web", "a", "b", "c d"): 15,
        ("table", 0): 16,
        ("table", 0, "x"): 17,
        ("table", 1): 18,
        ("table", 1, "x"): 19,
        ("table", 1, "inner"): 20,
        ("table", 1, "inner", "y", 0, 1): 21,
        ("table", 1, "inner", "y", 1): 22,
        ("table", 1, "inner", "y", 1, 0): 22,
    }
    assert {path: places.get(path) for path in wanted} == wanted
    assert ("program", "web", "key") not in places


def test_a_key_that_is_not_written_has_the_line_of_its_nearest_parent():
    places = scan(TEXT)
    assert line_of(places, ("init", "limits", "nproc")) == 6
    assert line_of(places, ("program", "web", "ready", "fd")) == 8
    assert line_of(places, ("nothing",)) == 0
    assert line_of(places, ()) == 0


def test_an_empty_text_has_no_keys():
    assert scan("") == {}
    assert scan("# only a comment") == {}


class Layout:
    """Writes a TOML text of arbitrary layout; every value holds a mark of its own."""

    def __init__(self, draw):
        self.draw = draw
        self.parts = []
        self.marks = 0

    def choose(self, *choices):
        return self.draw(st.sampled_from(choices))

    def blank(self):
        return self.choose("", " ", "  ", "\t")

    def lines(self):
        return self.choose("", " ", "\n", "\n\n", " # a = [comment]\n", "#'\n\t")

    def key(self):
        if self.draw(st.booleans()):
            return self.choose(*KEYS)
        key = self.choose(*QUOTED)
        if "'" not in key and self.draw(st.booleans()):
            return f"'{key}'"
        if self.draw(st.booleans()):
            return '"' + "".join([f"\\u{ord(char):04x}" for char in key]) + '"'
        return '"' + key.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'

    def dotted(self, most):
        keys = [self.key() for _ in range(self.draw(st.integers(1, most)))]
        return f"{self.blank()}.{self.blank()}".join(keys)

    def mark(self):
        self.marks += 1
        return f"mark{self.marks:03d}"

    def value(self, depth=0):
        kind = self.draw(st.integers(0, 8 if depth < 3 else 5))
        if kind == 0:
            return f'"{self.mark()}{self.choose("", "#", "]", "}", ",", "=", "[x]")}"'
        if kind == 1:
            return f"'{self.mark()}{self.choose('', '#', ']', chr(34), '=', chr(92))}'"
        if kind == 2:
            inner = self.choose("", "\na = 1\n", "\n[x]\n", '""', '\\"""', "\\\n  x", "'''", "#")
            return f'"""{self.mark()}{inner}{self.choose("", chr(34), chr(34) * 2)}"""'
        if kind == 3:
            inner = self.choose("", "\na = 1\n", "\n[x]\n", "''", '"""', "\\", "#")
            return f"'''{self.mark()}{inner} '''"
        if kind == 4:
            return f"[{self.lines()}'{self.mark()}'{self.lines()}]"
        if kind == 5:
            return f"{{ k = '{self.mark()}' }}"
        if kind <= 7:
            items = [self.value(depth + 1) for _ in range(self.draw(st.integers(1, 3)))]
            inner = f"{self.lines()},{self.lines()}".join(items)
            comma = self.choose("", ",")
            return f"[{self.lines()}{inner}{comma}{self.lines()}]"
        keys = self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
        pairs = [f"{key}{self.blank()}={self.blank()}{self.value(depth + 1)}" for key in keys]
        return (
            "{" + self.blank() + f"{self.blank()},{self.blank()}".join(pairs) + self.blank() + "}"
        )

    def pair(self):
        end = self.choose("", " # x = 'y'", "\t")
        return f"{self.blank()}{self.dotted(3)}{self.blank()}={self.blank()}{self.value()}{end}\n"

    def header(self):
        end = self.choose("", " # [x]", " ")
        return self.choose("[{}]", "[ {} ]", "[[{}]]").format(self.dotted(3)) + end + "\n"

    def text(self):
        parts = []
        for _ in range(self.draw(st.integers(1, 8))):
            kind = self.draw(st.integers(0, 5))
            parts.append(self.header() if kind == 0 else self.pair() if kind < 5 else "\n")
        return "".join(parts)


@st.composite
def layouts(draw):
    """Return a TOML text, of which tomli has still to say whether it is one."""
    layout = Layout(draw)
    text = ""
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.integers(0, 5))
        part = layout.header() if kind == 0 else layout.pair() if kind < 5 else "\n# comment\n"
        try:
            tomli.loads(text + part)
        except tomli.TOMLDecodeError:
            continue  # a key that is there already
        text += part
    return text


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, (*path, place))
    else:
        yield path, value


def paths(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from paths(item, (*path, key))


@settings(max_examples=150)
@given(text=layouts(), crlf=st.booleans())
def test_in_any_layout_every_value_has_the_line_it_stands_on(text, crlf):
    if crlf:
        text = text.replace("\n", "\r\n")
    tree = tomli.loads(text)
    assume(tree)
    places = scan(text)
    for path, value in leaves(tree):
        line = text.count("\n", 0, text.index(value[:7])) + 1
        assert places.get(path) == line, path
    assert set(paths(tree)) == set(places)


def test_a_fault_in_a_text_too_deep_to_be_scanned_is_told_without_its_line():
    problems = Problems()
    problems.texts["deep.toml"] = "a = " + "[" * 2000 + "]" * 2000
    problems.add("deep.toml", ("a",), "it is wrong", "mend it")
    (error,) = problems.errors()
    assert str(error) == "deep.toml: it is wrong\n    mend it"
