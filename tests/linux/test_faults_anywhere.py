"""Any function of PID 1 may fail, once, twice or for ever: PID 1 and its programs live on.

Functions, verbs and parts are taken from the code.  A sample of the functions; all of them, and
that none is new and left out, are for `python tests/linux/fault_sweeping.py`.
"""

import inspect
import re

import pytest
from fault_places import places
from fault_sweeping import (
    CALM,
    ENDING,
    ROOT,
    Anywhere,
    boot,
    carry,
    end,
    lasting,
    rescue,
    unswept,
)

from pyinit.protocol.messages import VERBS
from pyinit.runtime.parts import PARTS
from pyinit.runtime.verbs import HANDLERS
from pyinit.runtime.verbs_rare import RARE


def handlers():
    """Return the names of the functions that carry out verbs, by verb."""
    known = {**HANDLERS, **RARE}
    assert set(known) == set(VERBS)
    return {verb: name_of(function) for verb, function in known.items()}


def adopters():
    """Return the name of what every part is told a plan by."""
    found = []
    for _, _, made in PARTS:
        (module, kind) = re.search(
            r"from pyinit\.(\S+) import \w+\s+return (\w+)\(", inspect.getsource(made)
        ).groups()
        found.append(f"{module}:{kind}.adopt")
    return found


def name_of(function):
    return f"{function.__module__.removeprefix('pyinit.')}:{function.__qualname__}"


@pytest.fixture
def box():
    with Anywhere() as found:
        yield found.started()


def test_a_fault_in_any_verb_is_told_once_and_is_that_requests_alone(box):
    wanted = handlers()
    for kind in ("TypeError", "MemoryError", "RecursionError"):
        box.arm(kind=kind, only=[*wanted.values()])
        box.ask_everything()
        left = {name for verb, name in wanted.items() if verb not in ENDING} - box.met()
        assert left == set(), "a verb that is not asked for here proves nothing"
        for name in box.met():
            assert box.err.count(f"{kind}: planted: {name} ") == 1
        box.disarm()
    box.is_well()
    box.ends(0)


@pytest.mark.parametrize("kind", ["TypeError", "MemoryError"])
def test_any_function_of_a_step_may_fail_once(box, kind):
    box.arm(kind=kind, only=["core."], within="core.supervisor:step")
    box.live()
    met = box.met()
    box.disarm()
    assert len(met) > 40
    box.is_well()
    box.ends(0)


def test_a_part_that_cannot_take_a_plan_keeps_nobody_from_living(box):
    wanted = {*adopters()}
    box.arm(kind="TypeError", only=[*wanted])
    for number in range(2 * len(wanted)):
        box.configure(f"[program.extra]\ncommand = ['sleep', '{600 + number}']\n{CALM}\n")
    box.configure()
    assert wanted - box.met() == set(), "a part that no plan here wants proves nothing"
    box.disarm()
    box.configure()
    box.is_well()
    box.ends(0)


def test_what_fails_again_and_again_is_left_alone_and_all_else_goes_on(box):
    for name in (
        "logs.ring:Ring.add",
        "runtime.control:Control._news",
        "runtime.rounds:Rounds.tick",
        "runtime.driver:Driver._started",
    ):
        assert name in lasting(box, name, "ValueError")
        assert not box.rescued
    box.ends(0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("runtime.stream:Special.resolved", "MemoryError"),  # no post_stop can be started ...
        ("runtime.hooks:Hooks._watch", "ValueError"),  # ... or be watched, and a run waits for it
    ],
)
def test_a_run_ends_though_its_commands_cannot_be_had(box, name, kind):
    assert name in lasting(box, name, kind)
    assert not box.rescued
    box.ends(0)


@pytest.mark.parametrize(
    "name", ["runtime.gather:gather", "runtime.reexec:_again", "runtime.machine:Machine.go"]
)
def test_a_reexec_that_fails_once_touches_nobody_and_ends_in_no_rescue_loop(box, name):
    assert name in carry(box, name, "ValueError")
    box.ends(0)


def test_a_leave_that_cannot_be_taken_has_the_right_exit_status(box):
    name = "runtime.pump:Pump.finish"
    assert name in end(box, name, "ValueError")
    assert box.process.returncode == 0


@pytest.mark.parametrize(
    "name",
    [
        "runtime.changed:Changed._take",  # nor can a new pyinit go on
        "runtime.pump:Pump._read",  # a re-exec does not heal it
        "runtime.failure:each_of",  # nothing works at all
        "runtime.hooks:Hooks.stops",  # what goes before every signal
        "runtime.speech:Speech.kill",  # what is said of it
        "system.procfs:children_of_self",  # nobody who left the group can be found
        "system.reap:_reap_all",  # nobody is known to be gone
    ],
)
def test_a_stop_ends_though_a_function_fails_whenever_it_is_called(box, name):
    assert name in end(box, name, "ValueError")


@pytest.mark.parametrize("kind", ["ValueError", "KeyboardInterrupt", "MemoryError"])
def test_a_boot_that_fails_says_why(kind):
    name = "runtime.machine:Machine.__init__"
    assert name in boot(Anywhere, name, kind)


def test_a_rescue_loop_of_which_a_part_fails_ends_all_the_same():
    name = "system.rescue:Care.listen"
    assert name in rescue(Anywhere, name, "ValueError")


def test_who_is_named_as_not_swept_is_there():
    every = places(ROOT)
    assert [each for each in unswept() if not any(name.startswith(each) for name in every)] == []
