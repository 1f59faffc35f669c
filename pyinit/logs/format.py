"""Blocks of whole lines dressed for where they go: a prefix, a JSON envelope, a TAI64N stamp.

A block is one or more lines, each with its newline.  It is dressed as a whole, by a few passes
in C over all of its bytes: work in Python for every line would make a noisy program ours to pay.
"""

from __future__ import annotations

import time

TAI_OFFSET = (1 << 62) + 10  # TAI64 label of the epoch, with the leap seconds of 1970
RARE = bytes([n for n in range(0x20) if n not in b"\t\n\r"]) + b"\x7f"
COMMON = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\r", b"\\r"), (b"\t", b"\\t"))  # the backslash first
# JavaScript ends a line at these two, which JSON allows in a string as they are.
SEPARATORS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
ESCAPES = {
    **{ord(byte): escape.decode() for byte, escape in COMMON},
    ord("\n"): "\\n",
    **{n: f"\\u{n:04x}" for n in (*RARE, 0x2028, 0x2029)},
}


def prefix(block: bytes, name: str) -> bytes:
    """Return the lines as `NAME | line`."""
    return _led(block, name.encode("utf-8", "surrogateescape") + b" | ")


def tai64n(block: bytes, at: float) -> bytes:
    """Return the lines behind an external TAI64N label, as multilog and s6-log write it."""
    return _led(block, f"@{int(at) + TAI_OFFSET:016x}{int(at % 1 * 1e9):08x} ".encode())


def json(block: bytes, name: str, program: str, stream: str, at: float) -> bytes:
    """Return one JSON object a line; bytes that are no UTF-8 become U+FFFD."""
    head = (
        f'{{"time":"{rfc3339(at)}","program":"{quoted(program)}",'
        f'"process":"{quoted(name)}","stream":"{stream}","message":"'
    )
    text = _escaped(block[:-1]).decode("utf-8", "replace")
    return (head + text.replace("\n", '"}\n' + head) + '"}\n').encode("utf-8", "replace")


def rfc3339(at: float) -> str:
    """Return seconds since the epoch as `2026-11-24T13:24:52.123Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"


def quoted(text: str) -> str:
    """Return `text` as the inside of a JSON string."""
    return text.translate(ESCAPES)


def _led(block: bytes, head: bytes) -> bytes:
    """Return every line of the block behind `head`."""
    return head + block[:-1].replace(b"\n", b"\n" + head) + b"\n"


def _escaped(block: bytes) -> bytes:
    """Return the lines, each as the inside of a JSON string.

    Translating would go character by character; to replace one of them at a time is twenty times
    as fast, since most of them are not there.
    """
    for byte, escape in COMMON:
        block = block.replace(byte, escape)
    if len(block.translate(None, RARE)) != len(block):
        for code in RARE:
            block = block.replace(bytes((code,)), b"\\u%04x" % code)
    for mark, escape in SEPARATORS:
        block = block.replace(mark, escape)
    return block
