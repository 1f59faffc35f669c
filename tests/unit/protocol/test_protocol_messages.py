"""Requests as the table of verbs says; everything else is refused with the reason and the fix."""

import pytest

from pyinit.protocol import messages
from pyinit.protocol.messages import (
    ADMIN,
    EXIT_CODES,
    KINDS,
    LEVELS,
    OPERATE,
    READ,
    VERBS,
    Refused,
    Request,
    check_level,
    level_of,
    read_request,
)

GOOD = {
    "names": [["web", "group:*"], []],
    "text": ["TERM", ""],
    "flag": [True, False],
    "seconds": [0, 1.5, 30],
    "count": [100, 0],
    "integer": [-1, 0, 100],
    "limits": [{"nofile": 65536, "core": "unlimited"}, {}],
}
BAD = {
    "names": ["web", [1], None, {}],
    "text": [1, None, ["x"]],
    "flag": [0, "yes", None],
    "seconds": [-1, "5s", True, None],
    "count": [-1, 1.5, True, "3"],
    "integer": [1.5, True, "3", None],
    "limits": [[], {"nofile": True}, {"nofile": 1.5}, {"nofile": None}, "nofile=1"],
}
ARGUMENTS = [
    (verb, name, kind) for verb, known in VERBS.items() for name, kind in known.args.items()
]


def filled(verb):
    """Return arguments with which `verb` has what it needs."""
    return {name: GOOD[VERBS[verb].args[name]][0] for name in VERBS[verb].needs}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_consistent(verb):
    known = VERBS[verb]
    assert known.level in LEVELS
    assert set(known.needs) <= set(known.args)
    assert set(known.args.values()) <= set(KINDS)
    assert read_request({"id": 7, "verb": verb, "args": filled(verb)}) == Request(
        7, verb, filled(verb)
    )


@pytest.mark.parametrize(("verb", "name", "kind"), ARGUMENTS)
def test_every_argument_is_checked(verb, name, kind):
    for value in GOOD[kind]:
        if value or name not in VERBS[verb].needs:
            args = {**filled(verb), name: value}
            assert read_request({"verb": verb, "args": args}).args == args
    for value in BAD[kind]:
        with pytest.raises(Refused) as caught:
            read_request({"verb": verb, "args": {**filled(verb), name: value}})
        assert caught.value.code == "bad-request"
        assert caught.value.message == f"cannot read '{name}' of '{verb}'\n  give {KINDS[kind]}"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"verb": "status", "cmd": 1}, "a request has no 'cmd'\n  it has id, verb and args"),
        ({}, 'cannot read a request: its verb is no string\n  such as {"verb": "status"}'),
        ({"verb": 7}, 'cannot read a request: its verb is no string\n  such as {"verb": "status"}'),
        ({"verb": "statsu"}, "no such verb: 'statsu'\n  did you mean 'status'?"),
        ({"verb": "frobnicate"}, "no such verb: 'frobnicate'\n  known: " + ", ".join(VERBS)),
        (
            {"verb": "status", "args": []},
            'cannot read \'status\': its args are no object\n  such as {"names": ["web"]}',
        ),
        (
            {"verb": "start", "args": {"name": []}},
            "'start' takes no 'name'\n  did you mean 'names'?",
        ),
        ({"verb": "start"}, "'start' needs 'names'\n  give a list of names"),
        ({"verb": "start", "args": {"names": []}}, "'start' needs 'names'\n  give a list of names"),
        ({"verb": "signal", "args": {"names": ["a"]}}, "'signal' needs 'signal'\n  give a string"),
    ],
)
def test_a_bad_request_names_what_is_wrong_and_the_fix(frame, message):
    with pytest.raises(Refused) as caught:
        read_request(frame)
    assert (caught.value.code, caught.value.message, caught.value.more) == (
        "bad-request",
        message,
        {},
    )
    assert str(caught.value) == message


def test_a_request_without_args_or_id_is_a_request():
    assert read_request({"verb": "status"}) == Request(None, "status", {})
    assert read_request({"verb": "status", "id": ["any", {"thing": 1}]}).id == ["any", {"thing": 1}]


def test_a_request_that_is_sent_is_read_back():
    frame = messages.request(3, "stop", {"names": ["web"], "wait": True})
    assert read_request(frame) == Request(3, "stop", {"names": ["web"], "wait": True})


def test_replies_carry_the_id():
    assert messages.reply(3, {"a": 1}) == {"id": 3, "ok": True, "result": {"a": 1}}
    assert messages.refusal("x", "busy", "why") == {
        "id": "x", "ok": False, "error": {"code": "busy", "message": "why"},
    }  # fmt: skip
    assert messages.refusal(None, "failed", "why", {"names": ["a"]})["error"]["names"] == ["a"]
    assert Refused("failed", "why", {"names": ["a"]}).more == {"names": ["a"]}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_level_reaches_its_verbs_and_those_below(verb, level):
    if LEVELS.index(level) >= LEVELS.index(VERBS[verb].level):
        check_level(verb, level)
    else:
        with pytest.raises(Refused, match="access, and yours is") as caught:
            check_level(verb, level)
        assert caught.value.code == "denied"


def test_what_changes_something_or_tells_secrets_takes_more_than_read():
    reading = {verb for verb, known in VERBS.items() if known.level == READ}
    assert reading == {
        "status", "health", "ready", "wait", "logs", "events", "why", "limits", "graph",
        "metrics", "info", "config-info", "read-log", "cancel",
    }  # fmt: skip
    assert VERBS["env"].level == ADMIN
    assert VERBS["start"].level == OPERATE


def test_root_and_the_own_user_are_admins_others_what_allow_says():
    allow = ((1000, READ), (1000, OPERATE), (1001, "wizard"), (1002, READ), (0, READ))
    assert level_of(0, 500, allow) == ADMIN
    assert level_of(500, 500, ()) == ADMIN
    assert level_of(1000, 500, allow) == OPERATE
    assert level_of(1001, 500, allow) is None
    assert level_of(1002, 500, allow) == READ
    assert level_of(2000, 500, allow) is None


def test_every_error_code_has_the_exit_status_of_the_contract():
    assert set(EXIT_CODES.values()) <= {1, 2, 3, 4, 5, 6}
    named = {
        "bad-request": 2,
        "not-running": 3,
        "not-ready": 3,
        "no-such-program": 4,
        "no-supervisor": 5,
        "denied": 6,
    }
    assert named.items() <= EXIT_CODES.items()
