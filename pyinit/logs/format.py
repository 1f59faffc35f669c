"""Lines dressed for where they go: a prefix, a JSON envelope, a TAI64N stamp."""

from __future__ import annotations

import time

TAI_OFFSET = (1 << 62) + 10  # TAI64 label of the epoch, with the leap seconds of 1970
ESCAPES = {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    **{n: f"\\u{n:04x}" for n in range(0x20) if n not in (0x09, 0x0A, 0x0D)},
    0x7F: "\\u007f",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def raw(lines: list[bytes]) -> bytes:
    """Return the lines as they were."""
    return b"\n".join(lines) + b"\n"


def prefix(lines: list[bytes], name: str) -> bytes:
    """Return the lines as `NAME | line`."""
    head = name.encode("utf-8", "surrogateescape") + b" | "
    return head + (b"\n" + head).join(lines) + b"\n"


def json(lines: list[bytes], name: str, program: str, stream: str, at: float) -> bytes:
    """Return one JSON object a line; bytes that are no UTF-8 become U+FFFD."""
    head = (
        f'{{"time":"{rfc3339(at)}","program":"{quoted(program)}",'
        f'"process":"{quoted(name)}","stream":"{stream}","message":"'
    )
    texts = [head + quoted(line.decode("utf-8", "replace")) + '"}\n' for line in lines]
    return "".join(texts).encode("utf-8", "replace")


def tai64n(lines: list[bytes], at: float) -> bytes:
    """Return the lines behind an external TAI64N label, as multilog and s6-log write it."""
    head = f"@{int(at) + TAI_OFFSET:016x}{int(at % 1 * 1e9):08x} ".encode()
    return head + (b"\n" + head).join(lines) + b"\n"


def rfc3339(at: float) -> str:
    """Return seconds since the epoch as `2026-11-24T13:24:52.123Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"


def quoted(text: str) -> str:
    """Return `text` as the inside of a JSON string."""
    return text.translate(ESCAPES)
