"""The state on its way through a re-exec: everything comes back, rubbish is refused."""

import marshal
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.core import events as ev
from pyinit.core import supervisor as core
from pyinit.core.plan import Launch, Plan, ProcessPlan, Sink
from pyinit.core.status import ExitCode
from pyinit.runtime import carry, machine  # noqa: F401  all that a state is made of
from pyinit.runtime.history import End
from pyinit.runtime.options import Options
from pyinit.runtime.stream import Source


def some_plan():
    launch = Launch(
        ("sh", "-c", "caf\udce9"), stdout=(Sink("file", "/l", mode=0o640), Sink("json"))
    )
    return Plan(
        processes=(
            ProcessPlan("a:0", "a", "a", "a", launch),
            ProcessPlan("b:0", "b", "b", "b", launch),
        )
    )


def some_state():
    supervisor = core.new(some_plan(), seed=7)
    supervisor, _ = core.step(supervisor, ev.Boot(), 1.0)
    supervisor, _ = core.step(supervisor, ev.Spawned("a:0", 1, 71, executed=True), 1.1)
    return core.step(supervisor, ev.Reaped(71, 256), 1.2)[0]


def carried(blobs, **more):
    fields = {
        "supervisor": some_state(),
        "plan": Plan(),
        "options": Options(("/etc/a",), overrides=(("loglevel", "debug"),), name="supervisord"),
        "directory": "/tmp",
        "socket_path": "/s",
        "listener_fd": 4,
        "notify_path": "",
        "notify_fd": -1,
        "pipes": (
            carry.Pipe(
                5, Source("a:0", "a", "a", 1), 0, (Sink("prefix"),), (blobs.add(b"re\xffst"),)
            ),
        ),
        "kept": (carry.KeptOutput("a:0", ((0, blobs.add(b"said\0")),), 5),),
        "logs": (carry.OpenLog(Sink("file", "/l"), 6, blobs.add(b""), 3, "full"),),
        "outlets": (carry.Stalled(blobs.add(b"x" * 100_000), 1, 2, -1),),
        "packing": ("/l",),
        "ends": {"a:0": (End(1, 71, 0.5, 0.1, ExitCode(1), False, "why"),)},
        "counts": {"a:0": {"code:1": 1}},
        "labels": {"a:0": "a"},
        "since": {71: 1.1},
        "oom_seen": None,
        "warned": ("a:0",),
        "execing": (carry.Execing(72, 8, "b:0", 1),),
        "asked": (carry.Asked("b:0", 1, -1, float("inf")),),
        "queue": (ev.Reaped(72, 9), ev.SignalReceived(15)),
        "signals": (1, 15),
        "clients": (
            carry.Client(9, 1, 0, "admin", blobs.add(b"{"), blobs.add(b""), (blobs.add(b"{}"),), 0),
        ),
        "recorded": ((1.0, ev.Boot(), ()),),
    }
    return carry.Carried(**{**fields, **more})


def test_everything_comes_back_as_it_was():
    blobs = carry.Blobs()
    before = carried(blobs)
    after, found = carry.read(carry.write(before, blobs))
    assert after == before
    assert found.items == blobs.items


@given(st.lists(st.binary(max_size=50)))
def test_blobs_come_back_byte_for_byte(items):
    blobs = carry.Blobs()
    state = carried(blobs)
    numbers = [blobs.add(each) for each in items]
    _, found = carry.read(carry.write(state, blobs))
    assert [found.of(number) for number in numbers] == items


def test_the_state_that_was_read_goes_on_like_the_one_that_was_written():
    blobs = carry.Blobs()
    before = carried(blobs).supervisor
    after = carry.read(carry.write(carried(blobs), blobs))[0].supervisor
    for event in (ev.Tick(), ev.Spawned("b:0", 1, 80, executed=True), ev.SignalReceived(15)):
        before, wanted = core.step(before, event, 50.0)
        after, effects = core.step(after, event, 50.0)
        assert effects == wanted
    assert after == before


def memory_file(data):
    fd = os.memfd_create("test")
    os.write(fd, data)
    os.lseek(fd, 0, 0)
    return fd


def written(value):
    body = marshal.dumps(value, carry.MARSHAL_VERSION)
    return b"%08x" % len(body) + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0000",
        b"zzzzzzzz",
        b"00000004abcd",
        b"00000009N",
        written(None),
        written([]),
        written([carry.FORMAT + 1, [], None]),
        written([carry.FORMAT, [], {"Nonsense": []}]),
        written([carry.FORMAT, [], {"Tick": []}]),
        written([carry.FORMAT, [10], {"Tick": []}]),
        written([carry.FORMAT, [], {"Carried": [1, 2]}]),
        written([carry.FORMAT]),
    ],
)
def test_rubbish_is_a_value_error_and_leaves_no_descriptor(data):
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ValueError):
        carry.read(memory_file(data))
    assert os.listdir("/proc/self/fd") == before


def test_no_two_records_of_a_state_have_the_same_name():
    import sys

    names = [
        (name, thing)
        for module, found in sys.modules.items()
        if module.startswith("pyinit.core.") and module not in carry.NOT_OURS
        for name, thing in vars(found).items()
        if isinstance(thing, type) and thing.__module__ == module
    ]
    names += [
        (name, thing)
        for name, thing in vars(carry).items()
        if getattr(thing, "__module__", "") == carry.__name__
    ]
    assert len(names) == len({name for name, _ in names})
