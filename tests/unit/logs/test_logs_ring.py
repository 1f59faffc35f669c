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


def test_what_is_of_an_earlier_run_is_that_after_a_reexec_too():
    ring = filled([(STDOUT, b"old "), (STDERR, b"old ")])
    ring.mark()
    ring.add(STDERR, b"new")
    other = Ring()
    other.restore(ring.parts(), ring.fresh)
    assert (other.latest(STDOUT), other.latest(STDERR)) == (b"", b"new")
    other.add(STDOUT, b"more")
    assert other.latest(STDOUT) == b"more"


def test_what_is_kept_begins_with_a_whole_line():
    lines = [b"%06d %s\n" % (n, b"x" * (n % 50)) for n in range(5000)]
    ring = filled([(STDOUT, line) for line in lines])
    kept = ring.read()
    assert b"".join(lines).endswith(b"\n" + kept)
    assert RING_BYTES - 100 < len(kept) <= RING_BYTES


def test_each_stream_begins_with_a_whole_line_of_its_own():
    ring = filled(
        [
            part
            for n in range(3000)
            for part in [(STDOUT, b"out %04d, first" % n), (STDERR, b"err\n"), (STDOUT, b" last\n")]
        ]
    )
    assert ring.read(STDOUT).startswith(b"out ")
    assert ring.read(STDERR).startswith(b"err\n")
    other = Ring()
    other.restore(ring.parts())
    assert other.read() == ring.read()


def test_what_ends_with_a_newline_just_where_it_is_cut_loses_nothing():
    ring = filled([(STDOUT, b"gone\n"), (STDOUT, b"y" * (RING_BYTES - 1) + b"\n")])
    assert ring.read() == b"y" * (RING_BYTES - 1) + b"\n"


def test_of_a_line_that_is_longer_than_the_ring_its_end_is_shown():
    ring = filled([(STDOUT, b"x" * (2 * RING_BYTES) + b"\n")])
    assert ring.read() == b"x" * (RING_BYTES - 1) + b"\n"
    ring.add(STDOUT, b"next\n")
    assert ring.read() == b"next\n"


def test_nothing_is_left_of_what_was_cleared():
    ring = filled([(STDOUT, b"x" * RING_BYTES), (STDERR, b"y" * 10)])
    ring.clear()
    assert ring.read() == b""
    assert ring.latest(STDERR) == b""
    ring.add(STDOUT, b"z")
    assert ring.read() == ring.latest(STDOUT) == b"z"
