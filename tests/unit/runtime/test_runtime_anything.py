"""Whatever reaches PID 1 from outside in these ways is refused or left out, and breaks nothing."""

import marshal
import os
import subprocess
import sys

import pytest
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_runtime_carry import carried, memory_file

from pyinit.core.record import to_plain
from pyinit.protocol import listener, notify
from pyinit.runtime import carry, handed
from pyinit.system import cgroups, procfs, quotas

MANY = settings(
    max_examples=30 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary()
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["", "Carried", "Pipe", "Sink", "x"]), inner, max_size=2)
        | st.tuples(inner)
    ),
    max_leaves=10,
)


def put(data, state, what):
    """Return a state with something else at a place that `data` chooses."""
    path = []
    at = state
    while isinstance(at, list | dict) and at:
        keys = list(range(len(at))) if isinstance(at, list) else list(at)
        key = data.draw(st.sampled_from(keys))
        path.append((at, key))
        at = at[key]
        if data.draw(st.integers(0, 3)) == 0:
            break
    if path:
        holder, key = path[-1]
        holder[key] = what
    return state


def fresh():
    """Return the plain form of a state, nothing in it being there twice."""
    return marshal.loads(marshal.dumps(to_plain(carried(carry.Blobs())), 1))


def read_or_value_error(data):
    before = os.listdir("/proc/self/fd")
    try:
        carry.read(memory_file(data))
    except ValueError as error:
        assert str(error)
    assert os.listdir("/proc/self/fd") == before


@MANY
@given(st.data(), PLAIN)
def test_a_state_with_something_else_in_it_is_read_or_refused(data, what):
    value = [carry.FORMAT, [1], put(data, fresh(), what)]
    body = marshal.dumps(value, carry.MARSHAL_VERSION)
    read_or_value_error(b"%08x" % len(body) + body + b"x")


@MANY
@given(PLAIN)
@example([carry.FORMAT, [], {"": [[]]}])
@example([carry.FORMAT, [], {"": [[[], 1], [1]]}])
@example([carry.FORMAT, [-5, 1 << 70], {"": []}])
@example([carry.FORMAT, 7, {"": []}])
def test_a_state_that_is_none_is_refused(value):
    body = marshal.dumps(value, carry.MARSHAL_VERSION)
    read_or_value_error(b"%08x" % len(body) + body)


def test_a_state_that_is_too_deep_is_refused():
    value = {}
    for _ in range(450):
        value = {"": [[1, value]]}
    body = marshal.dumps([carry.FORMAT, [], value], carry.MARSHAL_VERSION)
    read_or_value_error(b"%08x" % len(body) + body)


@MANY
@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda tail: b"00000010" + tail))
@example(b"-0000001")
@example(b"ffffffff")
@example(b" 0x10   [" + b"\0" * 20)
def test_bytes_that_are_no_state_are_refused(data):
    read_or_value_error(data)


LINES = st.sampled_from(
    [b"READY=1", b"STATUS=", b"MAINPID=1", b"EXTEND_TIMEOUT_USEC=", b"WATCHDOG_USEC=", b"FDNAME="]
)
WORDS = st.sampled_from(
    [b"1", b"0", b"-1", b"9" * 30, b"\xff", "²".encode(), b"a:b", b"x" * 300, b"="]
)


@MANY
@given(st.lists(st.tuples(LINES, WORDS | st.binary(max_size=9)), max_size=6), st.binary(max_size=9))
def test_a_datagram_is_heard_as_far_as_it_makes_sense(lines, rest):
    notice = notify.parse(b"\n".join([*[name + value for name, value in lines], rest]))
    assert len(notice.status or "") <= notify.STATUS_CHARS
    assert (notice.status or "").isprintable()
    assert 0 <= (notice.extend_s or 0) <= notify.LONGEST_S
    assert notify.NOBODY_NAMES not in notice.fd_name
    assert 0 <= notice.main_pid < 10**notify.DIGITS


SAID = [b"READY\n", b"RESULT 2\nOK", b"RESULT 4\nFAIL", b"RESULT ", b"2", b"\n", b"OK", b"READY"]
SAID += [
    b"RESULT -1\n",
    b"RESULT 1_0\n",
    b"RESULT  2 \n",
    b"RESULT 99999999999\n",
    b"RESULT +2\nOK",
]


@MANY
@given(st.lists(st.sampled_from(SAID) | st.binary(max_size=6), max_size=12), st.booleans())
def test_a_listener_is_always_in_a_state_and_holds_little(said, sends):
    now = listener.Listener()
    for data in said:
        now, news = listener.heard(now, data)
        for each in news:
            assert not isinstance(each, listener.Broke) or now.state == listener.UNKNOWN
        if now.state == listener.READY and sends:
            now = listener.sent(now)
        assert now.state in ("ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN")
        assert len(now.rest) <= listener.RESULT_BYTES + 64
        assert now.length <= listener.RESULT_BYTES


@MANY
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["control", "door", "socket", "client", "x", ""]),
            st.sampled_from(["3", "0", "-1", "²", "9" * 20, "9" * 5000, "", "99999"]),
            st.text(max_size=8),
        ).map(" ".join),
        max_size=4,
    ).map("\n".join)
    | st.text(max_size=30)
)
@example("client ² x")
@example(f"control {1 << 40} unix:/x")
@example("client 99999 ")
def test_what_was_handed_on_is_what_is_open(text):
    for kind, _place, fd in handed.read(text):
        assert kind in ("control", "door", "socket", "client")
        os.fstat(fd)


CONTENTS = st.sampled_from(
    [
        b"",
        b"max",
        b"max 100000",
        b"0 0",
        b"-1",
        b"9" * 40,
        b"1 2 3",
        b"\xff\xfe",
        b"100000 0",
        b"1e5",
        b"oom_kill 3",
        b"oom_kill x",
        b"oom_kill",
        b"oom_kill_disable 0\noom_kill 9" * 3,
        b"\x00" * 50,
    ]
) | st.binary(max_size=20)
MEMBERS = st.sampled_from(
    [
        b"0::/",
        b"0::/a/b",
        b"0::/../../etc",
        b"4:memory:/a\n5:cpu,cpuacct:/a\n",
        b"::::",
        b"0:",
        b"\xff:memory:/",
        b"0::/" + b"a/" * 2000,
        b"1:name=systemd:/x\n0::/\n",
        b"4:memory:",
    ]
) | st.binary(max_size=20)
FILES = ("memory.max", "cpu.max", "pids.max", "memory.events", "memory/memory.limit_in_bytes")
FILES += ("memory/memory.oom_control", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")


@MANY
@given(MEMBERS, st.lists(CONTENTS, min_size=len(FILES), max_size=len(FILES)))
def test_files_of_cgroups_are_numbers_or_nothing(tmp_path, member, contents):
    root = tmp_path / "cgroup"
    for name, content in zip(FILES, contents, strict=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "membership").write_bytes(member)
    places = (str(root), str(tmp_path / "membership"))
    for found in (cgroups.oom_kills(*places), quotas.memory_limit(*places)):
        assert found is None or found >= 0
    found = quotas.processors(*places)
    assert found is None or found >= 0
    found = quotas.most_processes(*places)
    assert found is None or found >= 0
    assert quotas.version(str(root)) in (0, 1, 2)


@pytest.mark.parametrize("name", [") R 1 1", "a b)", "((", "\n) Z 0 0", "é" * 7, "))))))))"])
def test_a_process_is_what_it_is_whatever_it_is_called(name):
    code = "import sys; open('/proc/self/comm', 'w').write(sys.argv[1]); print(flush=True); sys.stdin.read()"
    words = [sys.executable, "-I", "-S", "-c", code, name]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        found = procfs.stat(process.pid)
        assert (found.pid, found.ppid) == (process.pid, os.getpid())
        assert found.state in "RSD"
        assert procfs.owner(process.pid) == (os.getuid(), os.getgid())
        assert process.pid in procfs.descendants([os.getpid()], procfs.table())
        process.stdin.close()
