"""Values: every form that may be written, and what is said about those that may not."""

import math
import signal as signals

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.config import values
from pyinit.config.limits import RESOURCES, limit, limit_table, own_limit_table
from pyinit.config.problems import ValueFault, each, suggest
from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
SCALARS = st.one_of(
    st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.text(), max_size=2),
    st.dictionaries(st.text(), st.text(), max_size=2),
)  # fmt: skip
CONVERTERS = {
    "string": values.string,
    "word": values.word,
    "boolean": values.boolean,
    "integer": values.integer(-5, 5),
    "number": values.number(0, 1),
    "duration": values.duration,
    "size": values.size,
    "mode": values.mode,
    "signal": values.signal,
    "signals": values.signals_in_turn,
    "strings": values.strings,
    "codes": values.codes,
    "processors": values.processors,
    "choice": values.choice("one", "two"),
    "capability": values.capability,
    "capabilities": values.capabilities,
    "io": values.io_priority,
    "table": values.table,
    "variables": values.variables,
    "limits": limit_table,
}


def fault(convert, value):
    with pytest.raises(ValueFault) as caught:
        convert(value)
    return str(caught.value), caught.value.fix


@pytest.mark.parametrize("name", CONVERTERS)
@given(value=SCALARS)
def test_a_converter_returns_a_value_or_says_why_not_whatever_it_gets(name, value):
    try:
        CONVERTERS[name](value)
    except ValueFault as error:
        assert str(error)
        assert all(part.fix for part in error.parts())


@given(
    amount=st.integers(0, 9999),
    unit=st.sampled_from(sorted(UNITS)),
    upper=st.booleans(),
    blank=st.sampled_from(["", " "]),
)
def test_a_duration_is_its_number_times_its_unit(amount, unit, upper, blank):
    text = f"{blank}{amount}{unit.upper() if upper else unit}{blank}"
    assert values.duration(text) == pytest.approx(amount * UNITS[unit])


@given(seconds=st.floats(0, 1e8, allow_nan=False))
def test_a_number_is_a_duration_in_seconds(seconds):
    assert values.duration(seconds) == seconds
    assert values.duration(f"{seconds:.3f}") == pytest.approx(seconds, abs=1e-3)


@given(parts=st.lists(st.tuples(st.integers(0, 99), st.sampled_from(sorted(UNITS))), min_size=1))
def test_the_parts_of_a_duration_add_up(parts):
    text = " ".join([f"{amount}{unit}" for amount, unit in parts])
    total = sum(amount * UNITS[unit] for amount, unit in parts)
    assert values.duration(text) == pytest.approx(total)
    assert values.duration(text.replace(" ", "")) == pytest.approx(total)


@pytest.mark.parametrize(
    "value",
    ["", " ", "s", "10x", "-1s", "-1", "1 2", "1.2.3s", "1..s", ".", "1.", "1e3", "²s", "\uff11s", "\u0661",
     -1, -0.5, math.nan, True, [], {}, "1s!"],
)  # fmt: skip
def test_what_is_no_duration_is_refused(value):
    if isinstance(value, list | dict):
        assert fault(values.duration, value)[0].endswith("is no text")
    else:
        text, fix = fault(values.duration, value)
        assert text.endswith("is no duration")
        assert '"500ms"' in fix


@pytest.mark.parametrize("value", [1e9, 10**9, math.inf, "1000000000", "99999999h", "36500d"])
def test_how_long_a_duration_may_be_is_told_of_one_that_is_longer(value):
    text, fix = fault(values.duration, value)
    assert text.endswith("is no duration")
    assert fix == "it must be less than 1000000000 seconds, or 11574 days"
    assert values.duration("11574d") == 11574 * 86400


@given(
    amount=st.integers(0, 1 << 40),
    unit=st.sampled_from([("", 0), ("B", 0), ("KB", 10), ("k", 10), ("KiB", 10), ("MB", 20),
                          ("m", 20), ("gb", 30), ("G", 30), ("gib", 30)]),
    blank=st.sampled_from(["", " "]),
)  # fmt: skip
def test_a_size_is_its_number_times_a_power_of_two(amount, unit, blank):
    name, power = unit
    if amount << power < 1 << 62:
        assert values.size(f"{amount}{blank}{name}") == amount << power


def test_a_size_may_be_a_number_of_bytes_or_have_a_fraction():
    assert values.size(0) == 0
    assert values.size(123) == 123
    assert values.size("1.5KB") == 1536
    assert values.size("2TB") == 2 << 40
    assert values.size(str((1 << 62) - 1)) == (1 << 62) - 1


@pytest.mark.parametrize(
    "value",
    ["", "KB", "-1", "1KBB", "1 K B", "1PB", "²KB", -1, 1.5, True, [], {}],
)
def test_what_is_no_size_is_refused(value):
    text, fix = fault(values.size, value)
    assert text.endswith("is no size")
    assert '"64KB"' in fix


@pytest.mark.parametrize("value", [1 << 62, "9999999TB", str(1 << 62)])
def test_how_large_a_size_may_be_is_told_of_one_that_is_larger(value):
    text, fix = fault(values.size, value)
    assert text.endswith("is no size")
    assert fix == 'it must be less than "4194304TB"'
    assert values.size("4194303TB") == 4194303 << 40


@pytest.mark.parametrize("value", [2, -1, 1.5])
def test_a_number_out_of_its_range_is_told_the_range(value):
    assert fault(values.number(0, 1), value)[1] == "it goes from 0 to 1"


@pytest.mark.parametrize("value", ["TERM", "sigterm"])
def test_a_signal_is_no_exit_status(value):
    text, fix = fault(values.codes, [0, value])
    assert text == f'"{value}" is no whole number from 0 to 255'
    assert fix == "a run that a signal has ended has no exit status: leave it out"


@pytest.mark.parametrize(
    ("value", "bits"),
    [("0640", 0o640), ("640", 0o640), ("0o640", 0o640), (0o640, 0o640), ("0", 0), (0, 0),
     ("01777", 0o1777), ("0026", 0o26)],
)  # fmt: skip
def test_a_mode_is_octal(value, bits):
    assert values.mode(value) == bits


@pytest.mark.parametrize("value", ["", "0648", "0o", "rw-", "777777", -1, 0o10000, True, 1.5, []])
def test_what_is_no_mode_is_refused(value):
    assert "octal mode" in fault(values.mode, value)[0]


@pytest.mark.parametrize("number", [22, 27, 77, 600, 640, 644, 755])
def test_a_decimal_number_that_was_meant_to_be_octal_is_caught(number):
    text, fix = fault(values.mode, number)
    assert text == f"the number {number} is {number:04o} in octal"
    assert fix.startswith(f'write "0{number}"')


def test_a_signal_has_every_name_that_the_system_knows():
    for known in signals.Signals:
        assert values.signal(known.name) == known
        assert values.signal(known.name.removeprefix("SIG").lower()) == known
        assert values.signal(int(known)) == known
        assert values.signal(str(int(known))) == known


def test_real_time_signals_count_from_either_end():
    assert values.signal("RTMIN+3") == signals.SIGRTMIN + 3
    assert values.signal("sigrtmax-2") == signals.SIGRTMAX - 2
    assert values.signal("RTMIN+30") == signals.SIGRTMAX


@pytest.mark.parametrize(
    "value",
    ["", "TERMM", "RTMIN+", "RTMIN+31", "RTMAX-31", "RTMIN+x", "RTMIN-1", "RTMAX+1", "TERM+1",
     "RTMIN+100", "²", "9999", "-1", "1.5"],
)  # fmt: skip
def test_what_is_no_signal_is_refused(value):
    assert "is no signal" in fault(values.signal, value)[0]


@pytest.mark.parametrize("value", [0, -1, 65, 32, 33, "0", "65"])
def test_a_number_that_is_no_signal_is_refused(value):
    assert fault(values.signal, value)[1] == "numbers go from 1 to 64"


def test_a_misspelt_signal_is_guessed():
    assert fault(values.signal, "SIGTREM") == ('"SIGTREM" is no signal', 'did you mean "TERM"?')
    assert fault(values.signal, True) == ("true is no text", "put it in quotes")


def test_signals_in_turn_are_one_or_a_list_and_never_none():
    assert values.signals_in_turn("INT") == (2,)
    assert values.signals_in_turn(["INT", 15]) == (2, 15)
    assert fault(values.signals_in_turn, [])[0] == "at least one signal is needed"


def test_a_list_of_one_needs_no_brackets():
    assert values.strings("a") == ("a",)
    assert values.strings(["a", "b"]) == ("a", "b")
    assert values.codes(3) == (3,)
    assert fault(values.strings, {}) == ("a table is no list", "write [ ... ]")


def test_every_fault_of_a_list_is_told_with_its_place():
    with pytest.raises(ValueFault) as caught:
        values.codes([0, 256, "x", 3])
    assert [part.path for part in caught.value.parts()] == [(1,), (2,)]
    assert str(caught.value) == "256 is no whole number from 0 to 255"


@pytest.mark.parametrize(
    ("value", "numbers"),
    [("0-3,6", (0, 1, 2, 3, 6)), ("1", (1,)), (" 2 , 2-3", (2, 3)), ([3, 1, 1], (1, 3)), (5, (5,))],
)
def test_processors_are_numbers_and_ranges(value, numbers):
    assert values.processors(value) == numbers


@pytest.mark.parametrize("value", ["", "a", "1-", "-1", "3-1", "1-b", "99999", [], [-1], [4096]])
def test_what_names_no_processor_is_refused(value):
    assert fault(values.processors, value)[0]


def test_a_choice_names_what_there_is_to_choose_from():
    convert = values.choice("always", "never")
    assert convert("never") == "never"
    assert fault(convert, "x") == ('"x" is not known here', 'write one of "always", "never"')
    assert fault(convert, "allways")[1].startswith('did you mean "always"? (write one of')
    assert fault(convert, 5) == ("5 is not known here", 'write one of "always", "never"')


def test_a_capability_has_its_number_with_or_without_cap():
    assert values.capability("NET_BIND_SERVICE") == 10
    assert values.capability("cap_chown") == 0
    assert values.capabilities(["checkpoint_restore"]) == (40,)
    assert fault(values.capability, "net_bind_servise")[1] == 'did you mean "NET_BIND_SERVICE"?'


@pytest.mark.parametrize(
    ("value", "pair"),
    [("idle", (3, 0)), ("best-effort", (2, 4)), ("best-effort:0", (2, 0)), ("realtime:7", (1, 7))],
)
def test_an_io_priority_is_a_class_and_a_level(value, pair):
    assert values.io_priority(value) == pair


@pytest.mark.parametrize(
    "value", ["", "low", "realtime:", "realtime:8", "best-effort:12", "idle:1"]
)
def test_what_is_no_io_priority_is_refused(value):
    assert "is no I/O priority" in fault(values.io_priority, value)[0]


def test_wrong_types_are_named_with_the_type_wanted():
    assert fault(values.string, 8) == ("8 is no text", 'put it in quotes: "8"')
    assert fault(values.string, "a\0b")[0] == "a NUL character has no place here"
    assert fault(values.word, " ")[0] == "it must not be empty"
    assert fault(values.boolean, "true")[0] == '"true" is neither true nor false'
    assert fault(values.boolean, 1)[1] == "write true or false, unquoted"
    assert fault(values.integer(0, 9), True)[0] == "true is no whole number from 0 to 9"
    assert fault(values.integer(0), 1.0)[0] == "1.0 is no whole number from 0"
    assert fault(values.number(0, 1), "1")[0] == '"1" is no number from 0 to 1'
    assert fault(values.number(0, 1), True)[0] == "true is no number from 0 to 1"
    assert fault(values.table, [])[0] == "a list is no table"
    assert values.boolean(False) is False
    assert values.number(0, 1)(1) == 1.0


def test_variables_are_texts_or_numbers_under_usable_names():
    assert values.variables({"A": "x", "B": 1, "C": 1.5}) == {"A": "x", "B": "1", "C": "1.5"}
    with pytest.raises(ValueFault) as caught:
        values.variables({"": "x", "A=B": "x", "C": True, "D": [], "E": "\0", "F": "ok"})
    found = {part.path: str(part) for part in caught.value.parts()}
    assert found == {
        ("",): '"" cannot name a variable',
        ("A=B",): '"A=B" cannot name a variable',
        ("C",): "C: true is no text",
        ("D",): "D: a list is no text",
        ("E",): "a NUL character has no place here",
    }


@pytest.mark.parametrize(
    ("resource", "value", "wanted"),
    [
        ("nofile", 1024, (1024, KEEP)),
        ("nofile", "1024", (1024, KEEP)),
        ("nofile", "max", (MAXIMUM, KEEP)),
        ("nofile", "MAX", (MAXIMUM, KEEP)),
        ("nofile", "unlimited", (UNLIMITED, UNLIMITED)),
        ("nofile", "infinity", (UNLIMITED, UNLIMITED)),
        ("nofile", -1, (UNLIMITED, UNLIMITED)),
        ("nofile", "-1", (UNLIMITED, UNLIMITED)),
        ("nofile", "1024:4096", (1024, 4096)),
        ("nofile", " 1024 : unlimited ", (1024, UNLIMITED)),
        ("nofile", "max:4096", (MAXIMUM, 4096)),
        ("nofile", "1024:max", (1024, KEEP)),
        ("nofile", "unlimited:unlimited", (UNLIMITED, UNLIMITED)),
        ("core", "64MB", (64 << 20, KEEP)),
        ("core", "0:1GB", (0, 1 << 30)),
        ("core", 0, (0, KEEP)),
        ("nofile", ">=1024", (1024, KEEP, True)),
        ("stack", " >= 8MB ", (8 << 20, KEEP, True)),
    ],
)
def test_a_limit_has_these_forms(resource, value, wanted):
    assert limit(resource, value) == Limit(resource, *wanted)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":",
        "1:",
        ":1",
        "lots",
        "64MB",
        -2,
        "-2",
        1.5,
        True,
        [],
        {},
        "1:2:3",
        "1:inherit",
        ">=",
        ">=max",
        ">=1:2",
    ],
)
def test_what_is_no_limit_is_refused_with_the_forms_there_are(value):
    text, fix = fault(lambda each: limit("nofile", each), value)
    assert text.startswith("nofile: ")
    assert text.endswith("is no limit")
    assert '"SOFT:HARD"' in fix


@pytest.mark.parametrize(
    ("resource", "value", "shown", "fix"),
    [
        ("cpu", "1m", '"1m"', "write 60: it is in seconds"),
        ("cpu", "1ms:max", '"1ms"', "write 1: it is in seconds"),
        ("rttime", "2s", '"2s"', "write 2000000: it is in microseconds"),
        ("nofile", "64K", '"64K"', "write 65536"),
        ("nofile", "1KB", '"1KB"', 'write a number, "max"'),
        ("cpu", "Lots", '"Lots"', 'write a number, "max"'),
        ("nofile", 1 << 63, str(1 << 63), 'write "unlimited", or a smaller number'),
        ("core", str(1 << 62), f'"{1 << 62}"', 'write "unlimited", or a smaller number'),
    ],
)
def test_what_a_limit_was_meant_to_be_is_told_and_it_is_shown_as_written(
    resource, value, shown, fix
):
    text, found = fault(lambda each: limit(resource, each), value)
    assert text == f"{resource}: {shown} is no limit"
    assert found.startswith(fix)


@pytest.mark.parametrize("value", ["2:1", "unlimited:1"])
def test_a_soft_limit_above_the_hard_one_is_refused(value):
    text = f'nofile: the soft limit of "{value}" is above the hard one'
    assert fault(lambda each: limit("nofile", each), value)[0] == text


def test_every_limit_of_setrlimit_has_its_lower_case_name():
    import resource

    known = {name[7:].lower() for name in dir(resource) if name.startswith("RLIMIT_")}
    assert known - {"ofile"} <= set(RESOURCES)
    table = limit_table({f"RLIMIT_{name.upper()}": 5 for name in RESOURCES})
    assert table == {name: Limit(name, 5) for name in RESOURCES}


def test_an_inherited_limit_is_none_so_that_it_hides_one_of_defaults():
    assert limit_table({"nofile": "inherit", "core": 0}) == {
        "nofile": None,
        "core": Limit("core", 0),
    }


@pytest.mark.parametrize("wanted", [0, 63, "5:max", "0:4096"])
def test_pyinit_itself_is_left_no_fewer_descriptors_than_it_can_work_with(wanted):
    with pytest.raises(ValueFault, match="too little for pyinit itself"):
        own_limit_table({"nofile": wanted})
    assert limit_table({"nofile": wanted})["nofile"] == limit("nofile", wanted)


@pytest.mark.parametrize("wanted", [64, ">=5", "max", "unlimited", "inherit"])
def test_what_is_enough_for_pyinit_itself_is_read_as_that_of_a_program(wanted):
    assert own_limit_table({"nofile": wanted}) == limit_table({"nofile": wanted})


def test_all_faults_of_a_table_of_limits_are_told():
    with pytest.raises(ValueFault) as caught:
        limit_table({"nofle": 1, "core": "x", "nofile": 1, "NOFILE": 2})
    assert [(part.path, str(part), part.fix) for part in caught.value.parts()] == [
        (("nofle",), 'there is no limit "nofle"', 'did you mean "nofile"?'),
        (("core",), 'core: "x" is no limit', caught.value.parts()[1].fix),
        (("NOFILE",), "nofile is there twice", "leave one out"),
    ]


def test_faults_of_nested_values_keep_the_whole_path():
    def inner(_key, items):
        return each(enumerate(items), lambda _, item: values.boolean(item))

    with pytest.raises(ValueFault) as caught:
        each({"a": [True, 1], "b": [2]}.items(), inner)
    assert [part.path for part in caught.value.parts()] == [("a", 1), ("b", 0)]


def test_a_suggestion_is_the_nearest_word_or_what_there_is():
    assert suggest("strat", ["start", "stop"]) == 'did you mean "start"?'
    assert suggest("x", ["start", "stop"]) == "known here: start, stop"
    assert suggest("x", []) == "there is none here"
    many = suggest("x", [f"{n:02}" for n in range(41)])
    assert many == "known here: 00, 01, 02, 03, 04, 05, 06, 07... (41 in all)"
