"""Writes man(7) for the Markdown that the pages of docs/ are written in.

Of Markdown it knows what those pages use: headings, paragraphs, lists, tables, blocks of code,
links, and words in backticks.  A table becomes a list: its first column is the tag, the others are
told behind it, each but the last with the name of its column.
"""

from __future__ import annotations

import re
import textwrap

WIDTH = 76  # of a line of the source
PIECE = re.compile(r"`([^`]+)`|\[([^\]]+)\]\([^)\s]+\)|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*")
HARD = "\0"  # a blank within code: no sentence ends there
USED = re.compile(r"-{1,2}[a-z-]+|[A-Z]+")
ITEM = re.compile(r"(-|\d+\.) +(.*)")
FENCE, INDENT = "```", "    "
NO_DEFAULT = ("", "none")
SIGNS = {"\\": r"\e", "-": r"\-", "^": r"\(ha", "~": r"\(ti", "'": r"\(aq", "`": r"\(ga"}
TEXT_SIGNS = {"\\": r"\e", "^": r"\(ha", "~": r"\(ti", "`": r"\(ga"}


def title(name: str, section: int, date: str, source: str) -> str:
    """Return the first line of a page."""
    return f'.TH "{name.upper()}" {section} "{date}" "{source}" "pyinit"\n'


def heading(text: str) -> str:
    """Return the head of a section; what is no code is in capitals, as everywhere in man."""
    parts = re.split(r"(`[^`]+`)", text)
    shown = "".join([part.strip("`") if part[:1] == "`" else part.upper() for part in parts])
    return f".SH {_argument(shown)}\n"


def name(names: str, summary: str) -> str:
    """Return what stands below NAME, in the form that whatis(1) reads."""
    return "\n".join(_wrapped(_signs(names, SIGNS) + rf" \- {summary}")) + "\n"


def usage(line: str) -> str:
    """Return a synopsis: the words that are typed bold, those that are replaced slanted."""
    command, *words = line.removeprefix("usage: ").split(" ")
    text = " ".join([USED.sub(_used, word) for word in words])
    return "\n".join(_wrapped(rf"\fB{_signs(command, SIGNS)}\fR {text}")) + "\n"


def _used(found: re.Match[str]) -> str:
    word = found[0]
    return rf"\fB{_signs(word, SIGNS)}\fR" if word[0] == "-" else rf"\fI{word}\fR"


def subheading(text: str) -> str:
    """Return the head of a part of a section."""
    return f".SS {_argument(text.replace('`', ''))}\n"


def literal(text: str) -> str:
    """Return a block of code."""
    lines = [_line(_signs(line, SIGNS)) for line in text.rstrip("\n").split("\n")]
    return ".PP\n.RS 4\n.nf\n" + "\n".join(lines) + "\n.fi\n.RE\n"


def entry(tag: str, text: str) -> str:
    """Return one entry of a list of words with their meanings."""
    body = prose(text) if text else "\\&\n"
    return f".TP\n{_line(inline(tag))}\n{body}"


def prose(text: str) -> str:
    """Return a text, each sentence on lines of its own."""
    lines: list[str] = []
    for sentence in re.split(r"(?<=[.:;?]) (?=\S)", _marked(" ".join(text.split()))):
        lines += _wrapped(sentence.replace(HARD, " "))
    return "\n".join([_line(line) for line in lines]) + "\n"


def inline(text: str) -> str:
    """Return a text with its signs escaped, code bold and emphasis slanted."""
    return _marked(text).replace(HARD, " ")


def _marked(text: str) -> str:
    """Return the same, but with HARD for the blanks of code."""
    parts: list[str] = []
    at = 0
    for found in PIECE.finditer(text):
        parts.append(_signs(text[at : found.start()], TEXT_SIGNS))
        code, link, strong, emphasis = found.groups()
        if code is not None:
            parts.append(rf"\fB{HARD.join([_whole(word) for word in code.split(' ')])}\fR")
        elif link is not None:
            parts.append(_marked(link))
        elif strong is not None:
            parts.append(rf"\fB{_signs(strong, TEXT_SIGNS)}\fR")
        else:
            parts.append(rf"\fI{_signs(emphasis, TEXT_SIGNS)}\fR")
        at = found.end()
    parts.append(_signs(text[at:], TEXT_SIGNS))
    return "".join(parts)


def _whole(word: str) -> str:
    """Return a word of code, which is not to be hyphenated."""
    return (r"\%" if any(char.isalpha() for char in word) else "") + _signs(word, SIGNS)


def convert(markdown: str) -> str:
    """Return what a page, or a part of one, is in man(7)."""
    out: list[str] = []
    lines = markdown.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(FENCE):
            end = next(n for n in range(at + 1, len(lines)) if lines[n].startswith(FENCE))
            out.append(literal("\n".join(lines[at + 1 : end])))
            at = end + 1
            continue
        take = _run(lines, at)
        block = lines[at : at + take]
        if line.startswith("#"):
            marks, _, text = line.partition(" ")
            out.append(subheading(text) if len(marks) > 2 else heading(text))
        elif line.startswith("|"):
            out.append(_table(block))
        elif line.startswith(INDENT):
            out.append(literal(textwrap.dedent("\n".join(block))))
        elif ITEM.match(line):
            out += _items(block)
        elif line.strip():
            out.append(".PP\n" + prose(" ".join(block)))
        at += take
    return _tidy("".join(out))


def _run(lines: list[str], at: int) -> int:
    """Return how many lines belong to the block that begins at `at`."""
    first = lines[at]
    if not first.strip() or first.startswith("#"):
        return 1
    count = 1
    while at + count < len(lines):
        line = lines[at + count]
        if not line.strip() or line.startswith(("#", FENCE)):
            break
        if line.startswith("|") != first.startswith("|"):
            break
        count += 1
    return count


def _items(block: list[str]) -> list[str]:
    """Return a list; lines that begin with a blank go on with the item before."""
    items: list[tuple[str, list[str]]] = []
    for line in block:
        found = ITEM.match(line)
        if found:
            items.append((found[1], [found[2]]))
        else:
            items[-1][1].append(line.strip())
    return [
        (".IP \\(bu 3\n" if mark == "-" else f".IP {mark} 4\n") + prose(" ".join(text))
        for mark, text in items
    ]


def _table(block: list[str]) -> str:
    rows = [cells(line) for line in block]
    head = rows[0]
    return "".join([_row(head, row) for row in rows[2:]])


def cells(line: str) -> list[str]:
    """Return the cells of a line of a table."""
    inner = line.strip().removeprefix("|").removesuffix("|")
    found = re.split(r"(?<!\\)\|", inner)
    return [cell.strip().replace("\\|", "|") for cell in found]


def _row(head: list[str], row: list[str]) -> str:
    tag, *rest = row
    if len(head) > 1 and head[1] == "default":
        default, text = rest
        return entry(tag + ("" if default in NO_DEFAULT else f" ({default})"), text)
    if len(rest) == 1:
        return entry(tag, rest[0])
    told = [f"{column}: {cell}" for column, cell in zip(head[1:], rest, strict=True) if cell]
    return entry(tag, "; ".join(told))


def _tidy(text: str) -> str:
    """Leave out what a head makes needless: a paragraph begins behind it by itself."""
    return re.sub(r"(^\.S[HS] .*\n)\.PP\n(?!\.RS)", r"\1", text, flags=re.MULTILINE)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _signs(text: str, signs: dict[str, str]) -> str:
    return "".join([signs.get(char, char) for char in text])


def _line(text: str) -> str:
    """Return a line that is no request, whatever it begins with."""
    return f"\\&{text}" if text[:1] in (".", "'") else text


def _argument(text: str) -> str:
    escaped = _signs(text, {**TEXT_SIGNS, '"': r"\(dq"})
    return f'"{escaped}"' if " " in escaped or '"' in text else escaped
