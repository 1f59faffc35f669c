"""The ring: the last 64 KiB of both streams, bounded whatever comes."""

from hypothesis import given
from hypothesis import strategies as st

from pyinit.logs.ring import MAX_PARTS, RING_BYTES, STDERR, STDOUT, Ring, last_lines

pieces = st.lists(
    st.tuples(st.sampled_from([STDOUT, STDERR]), st.integers(0, RING_BYTES + 5)), max_size=12
)


def filled(parts):
    ring = Ring()
    for stream, data in parts:
        ring.add(stream, data)
    return ring


@given(pieces)
def test_the_last_bytes_are_kept_in_order(lengths):
    parts = [(stream, bytes([65 + n]) * size) for n, (stream, size) in enumerate(lengths)]
    ring = filled(parts)
    both = b"".join(data for _, data in parts)
    assert ring.read() == both[-RING_BYTES:]
    joined = b"".join(bytes([stream]) * len(data) for stream, data in parts)[-RING_BYTES:]
    for stream in (STDOUT, STDERR):
        wanted = bytes(b for b, s in zip(both[-RING_BYTES:], joined, strict=True) if s == stream)
        assert ring.read(stream) == wanted


@given(pieces)
def test_a_ring_survives_a_reexec(lengths):
    ring = filled([(stream, bytes([n]) * size) for n, (stream, size) in enumerate(lengths)])
    other = Ring()
    other.restore(ring.parts())
    assert other.read() == ring.read()
    assert other.read(STDERR) == ring.read(STDERR)


def test_small_writes_of_one_stream_are_joined():
    ring = filled([(STDOUT, b"x")] * 10_000)
    assert len(ring.parts()) <= 10_000 // 2048 + 1
    assert ring.read() == b"x" * 10_000


def test_streams_that_take_turns_byte_by_byte_cannot_grow_it():
    ring = filled([(n % 2, b"%d" % (n % 10)) for n in range(3 * MAX_PARTS)])
    assert len(ring.parts()) == MAX_PARTS
    assert ring.read() == b"".join(b"%d" % (n % 10) for n in range(2 * MAX_PARTS, 3 * MAX_PARTS))
    ring.add(STDOUT, b"z" * RING_BYTES)
    assert ring.parts() == ((STDOUT, b"z" * RING_BYTES),)


def test_nothing_adds_nothing():
    assert filled([(STDOUT, b""), (STDERR, b"")]).parts() == ()


def test_last_lines_counts_an_unfinished_line():
    data = b"one\ntwo\nthree"
    assert last_lines(data, 1) == b"three"
    assert last_lines(data, 2) == b"two\nthree"
    assert last_lines(data + b"\n", 1) == b"three\n"
    assert last_lines(data, 9) == data
    assert last_lines(data, 0) == last_lines(data, -1) == b""
    assert last_lines(b"", 3) == b""


@given(st.binary(max_size=60).map(lambda data: data.replace(b"a", b"\n")), st.integers(1, 9))
def test_last_lines_are_the_last_of_splitlines(data, count):
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    if lines[-1] == b"":
        lines.pop()
    assert last_lines(data, count) == b"".join(lines[-count:])


def test_what_came_since_the_mark_is_told_apart_by_stream():
    ring = filled([(STDOUT, b"old out"), (STDERR, b"old err")])
    assert ring.latest(STDOUT) == b"old out"
    ring.mark()
    assert ring.latest(STDOUT) == ring.latest(STDERR) == b""
    ring.add(STDERR, b"new ")
    ring.add(STDOUT, b"out")
    ring.add(STDERR, b"err")
    assert (ring.latest(STDOUT), ring.latest(STDERR)) == (b"out", b"new err")
    assert ring.read(STDERR) == b"old errnew err"
    ring.add(STDERR, b"x" * (RING_BYTES + 5))
    assert ring.latest(STDERR) == b"x" * RING_BYTES
    assert ring.latest(STDOUT) == b""
