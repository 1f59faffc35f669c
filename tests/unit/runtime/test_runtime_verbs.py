"""The parts of the verbs that only compute: limits in words, environments without secrets."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit
from pyinit.protocol.messages import VERBS, Refused
from pyinit.runtime.verbs import HANDLERS, LONGEST, _rare, asked, changes
from pyinit.runtime.verbs_facts import MASK, shown
from pyinit.runtime.verbs_limits import read_limit
from pyinit.runtime.verbs_rare import RARE
from pyinit.system.limits import NUMBERS


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("65536", Limit("nofile", 65536, KEEP)),
        (" 65536 ", Limit("nofile", 65536, KEEP)),
        ("1024:65536", Limit("nofile", 1024, 65536)),
        ("max", Limit("nofile", MAXIMUM, KEEP)),
        ("max:4096", Limit("nofile", MAXIMUM, 4096)),
        ("unlimited", Limit("nofile", UNLIMITED, UNLIMITED)),
        ("1:unlimited", Limit("nofile", 1, UNLIMITED)),
        ("64KB", Limit("nofile", 65536, KEEP)),
        ("1mb:2 GB", Limit("nofile", 1 << 20, 2 << 30)),
        ("0", Limit("nofile", 0, KEEP)),
    ],
)
def test_a_limit_is_written_as_in_a_configuration(text, limit):
    assert read_limit("nofile", text) == limit
    assert read_limit("RLIMIT_NOFILE", text) == limit


@pytest.mark.parametrize("name", NUMBERS)
def test_every_limit_of_the_kernel_is_known(name):
    assert read_limit(name, "1").resource == name


@given(st.text(max_size=30) | st.from_regex(r"\A[0-9KMGB:]{0,30}\Z"))
@example("1:0")
@example("1000000000:0100000000")
def test_any_other_text_is_refused_and_nothing_else(text):
    try:
        limit = read_limit("core", text)
    except Refused as refused:
        assert refused.code == "bad-request"
        assert len(refused.message) < 200
        return
    assert limit.soft >= MAXIMUM
    assert limit.hard >= KEEP


@given(st.text(max_size=30))
def test_any_other_name_is_refused(name):
    if name.lower().removeprefix("rlimit_") in NUMBERS:
        return
    with pytest.raises(Refused, match="no such limit") as caught:
        read_limit(name, "1")
    assert caught.value.code == "bad-request"


def test_secrets_are_masked_in_every_value_the_longest_first():
    found = {
        b"A": b"abcdef",
        b"B": b"abcdefgh",
        b"COPY": b"<abcdefgh> <abcdef>",
        b"SHORT": b"xyz",
        b"WORD": b"xyzzy",
        b"RAW": b"caf\xe9",
    }
    assert shown(found, {"A", "B", "SHORT", "ABSENT"}) == {
        "A": MASK,
        "ABSENT": MASK,
        "B": MASK,
        "COPY": f"<{MASK}> <{MASK}>",
        "RAW": "caf\udce9",
        "SHORT": MASK,
        "WORD": "xyzzy",  # a secret of three letters would turn half of the text into stars
    }


@given(
    st.dictionaries(st.binary(min_size=1, max_size=5), st.binary(max_size=12), max_size=6),
    st.binary(min_size=4, max_size=8),
)
def test_no_secret_is_ever_shown(found, secret):
    told = shown({**found, b"S": secret}, {"S"})
    text = secret.decode("utf-8", "surrogateescape")
    assert not [name for name, value in told.items() if text in value and text not in MASK]


def test_every_verb_of_the_protocol_has_its_function():
    assert HANDLERS.keys() == VERBS.keys()
    assert RARE.keys() == {verb for verb, handler in HANDLERS.items() if handler is _rare}


@pytest.mark.parametrize(
    ("verb", "args", "changing"),
    [
        ("status", {}, False),
        ("env", {"names": ["web"]}, False),
        ("trace", {}, False),
        ("check-door", {"place": "tcp::9001"}, False),
        ("write-stdin", {"name": "web", "data": "x"}, False),
        ("reload", {"dry_run": True}, False),
        ("reload", {"dry_run": False}, True),
        ("reload", {}, True),
        ("stop", {"names": ["web"]}, True),
        ("set-limits", {}, True),
        ("shutdown", {}, True),
    ],
)
def test_only_what_changes_something_is_worth_a_line(verb, args, changing):
    assert changes(verb, args) is changing


def test_what_is_asked_is_one_short_line_whatever_the_names_are():
    args = {"names": ["web\nforged", "x" * 1000], "signal": "HUP"}
    line = asked("signal", args)
    assert line.startswith("signal HUP web?forged xxx")
    assert len(line) == LONGEST + 3
    assert asked("start", {"names": ["=web:0"]}) == "start web:0"
    assert asked("add-group", {"name": "web"}) == "add-group web"
    assert asked("set-limits", {"names": ["web"], "limits": {"nofile": 1}}) == (
        "set-limits web nofile=1"
    )
