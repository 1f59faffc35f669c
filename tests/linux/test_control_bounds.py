"""The control socket under clients that are broken, hostile, slow, too many or gone."""

import json
import os
import resource
import socket
import time
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, acting_as, needs_root
from control_raw import Raw, assert_unharmed
from eventually import eventually

CONFIG = f"""
[init]
exit = "never"
[init.control]
mode = "0666"
allow = ["{ORDINARY}:read"]
[program.web]
command = ["sleep", "600"]
start_seconds = 0
[program.many]
command = ["sleep", "600"]
start_seconds = 0
instances = 20
[program.slow]
command = ["sleep", "600"]
start_seconds = 900
autostart = false
[program.flood]
command = ["yes", "0123456789012345678901234567890123456789"]
stdout = "null"
start_seconds = 0
autostart = false
"""
CLIENTS, RESERVED, HELD, STREAMS = 64, 8, 32, 16  # as in runtime/control.py
HELD_OF_USER = 128
REQUEST_BYTES = 64 << 10
LOGS_BYTES = 2 << 20
DEEP = 5000
MALFORMED = {
    "not JSON": b"hello\n",
    "half of it": b'{"verb": "status"\n',
    "a list": b"[1]\n",
    "a number": b"7\n",
    "null": b"null\n",
    "two values": b'{"verb":"status"} {"verb":"status"}\n',
    "no verb": b"{}\n",
    "a verb that is a number": b'{"verb": 1}\n',
    "a verb that is an object": b'{"verb": {"verb": "status"}}\n',
    "an unknown verb": b'{"verb": "frobnicate"}\n',
    "a long verb": b'{"verb": "' + b"x" * 60_000 + b'"}\n',
    "unknown fields": b'{"verb": "status", "cmd": 1}\n',
    "args that are a list": b'{"verb": "status", "args": []}\n',
    "names that are a string": b'{"verb": "status", "args": {"names": "web"}}\n',
    "names that are numbers": b'{"verb": "status", "args": {"names": [1]}}\n',
    "an unknown argument": b'{"verb": "status", "args": {"nmaes": []}}\n',
    "an argument missing": b'{"verb": "start"}\n',
    "a negative count": b'{"verb": "logs", "args": {"names": ["web"], "lines": -1}}\n',
    "a count with a point": b'{"verb": "trace", "args": {"lines": 1.5}}\n',
    "a truth that is a word": b'{"verb": "logs", "args": {"names": ["web"], "follow": "yes"}}\n',
    "a timeout that is a word": b'{"verb":"wait","args":{"names":["web"],"timeout_s":"1s"}}\n',
    "a timeout below zero": b'{"verb":"wait","args":{"names":["web"],"timeout_s":-1}}\n',
    "not a number": b'{"verb":"wait","args":{"names":["web"],"timeout_s":NaN}}\n',
    "an infinite number": b'{"verb":"wait","args":{"names":["web"],"timeout_s":1e999}}\n',
    "too many digits": b'{"id": ' + b"9" * 5000 + b', "verb": "status"}\n',
    "deep lists": b'{"id": ' + b"[" * DEEP + b"]" * DEEP + b', "verb": "status"}\n',
    "deep and open": b"[" * 60_000 + b"\n",
    "not UTF-8": b'{"verb": "\xff\xfe"}\n',
    "half a character": b'{"verb": "st\xc3"}\n',
    "a NUL": b'{"verb": "sta\x00tus"}\n',
    "only NULs": b"\x00" * 100 + b"\n",
    "a limit that is a list": b'{"verb":"set-limits","args":{"names":["web"],"limits":[]}}\n',
    "a limit that is a list inside":
        b'{"verb":"set-limits","args":{"names":["web"],"limits":{"nofile":[1]}}}\n',
    "an unknown limit":
        b'{"verb":"set-limits","args":{"names":["web"],"limits":{"nofiles":1}}}\n',
    "an unknown signal": b'{"verb":"signal","args":{"names":["web"],"signal":"TREM"}}\n',
    "a signal of NULs":
        b'{"verb":"signal","args":{"names":["web"],"signal":"\\u0000"}}\n',
    "an unknown goal": b'{"verb":"wait","args":{"names":["web"],"for":"glory"}}\n',
    "an unknown stream": b'{"verb":"logs","args":{"names":["web"],"stream":"in"}}\n',
    "globs without end": b'{"verb":"status","args":{"names":["' + b"*a" * 30_000 + b'"]}}\n',
}  # fmt: skip


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_state("many:19", "RUNNING")
        made.place.chmod(0o755)
        yield made
        assert_unharmed(made)


@pytest.fixture
def fresh():
    with Box(CONFIG) as made:
        made.wait_state("many:19", "RUNNING")
        yield made


@pytest.mark.parametrize("case", MALFORMED)
def test_what_makes_no_sense_is_answered_and_the_client_stays(box, case):
    with Raw(box.socket) as client:
        told = client.ask(MALFORMED[case])
        assert told["ok"] is False
        assert told["error"]["code"] == "bad-request", told
        assert len(told["error"]["message"]) < 1000
        assert client.ask({"id": 2, "verb": "health"}) == {
            "id": 2, "ok": True, "result": {"ok": True, "state": "running", "failing": []},
        }  # fmt: skip


def test_names_of_no_program_are_told_in_few_words(box):
    names = [f"x{number}" for number in range(5000)]
    with Raw(box.socket) as client:
        told = client.ask({"id": 1, "verb": "stop", "args": {"names": names}})
    assert told["error"]["code"] == "no-such-program"
    assert told["error"]["names"] == names
    assert "\nand 4995 more names of no program" in told["error"]["message"]
    assert len(told["error"]["message"]) < 1000


def test_numbers_as_large_as_they_come_are_numbers(box):
    with Raw(box.socket) as client:
        huge = int("9" * 4000)
        told = client.ask({"id": huge, "verb": "trace", "args": {"lines": huge}})
        assert (told["id"], told["ok"]) == (huge, True)
        for timeout_s in (1e300, 10**400, 0, 0.0, 1e-300):
            args = {"names": ["web"], "timeout_s": timeout_s}
            assert client.ask({"id": 1, "verb": "wait", "args": args})["ok"] is True
        args = {"names": ["slow"], "for": "running", "timeout_s": 1e300}
        client.send({"id": 2, "verb": "wait", "args": args})
        assert client.ask({"id": 3, "verb": "health"})["id"] == 3


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_frame_that_is_too_long_is_answered_and_the_client_dropped(box, end):
    with Raw(box.socket) as client:
        client.send(b'{"verb": "status", "id": "' + b"x" * (1 << 20) + b'"}' + end)
        told = client.receive()
        assert told["id"] is None
        assert told["error"] == {
            "code": "bad-request",
            "message": f"cannot read a frame: it is longer than {REQUEST_BYTES} bytes",
        }
        assert client.receive() is None


def test_a_frame_just_within_the_bound_is_read(box):
    frame = b'{"verb":"status","id":"%s"}'
    with Raw(box.socket) as client:
        told = client.ask(frame % (b"x" * (REQUEST_BYTES - len(frame) + 2)) + b"\n")
        assert told["ok"] is True


def test_requests_are_answered_in_their_order(box):
    with Raw(box.socket) as client:
        wire = b"".join(b'{"id":%d,"verb":"health"}\n\n  \n' % n for n in range(200))
        client.send(wire)
        assert [client.receive()["id"] for _ in range(200)] == list(range(200))


def test_a_request_may_come_byte_by_byte_and_end_without_its_newline(box):
    with Raw(box.socket) as client:
        for byte in b'{"id": 1, "verb": "health"}':
            client.send(bytes([byte]))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.receive()["id"] == 1
        assert client.receive() is None


def test_a_request_that_is_begun_and_not_finished_is_given_up(box):
    with Raw(box.socket) as client:
        client.send(b'{"verb": "sta')
        began = time.monotonic()
        assert client.receive()["error"] == {
            "code": "bad-request", "message": "a request was not finished within 10 s",
        }  # fmt: skip
        assert client.receive() is None
        assert 5 < time.monotonic() - began < 30


def test_a_client_that_leaves_at_any_moment_leaves_nothing(box):
    before = descriptors(box)
    requests = [
        b'{"id":1,"verb":"status"}\n',
        b'{"id":1,"verb":"events","args":{"follow":true,"lines":100}}\n',
        b'{"id":1,"verb":"wait","args":{"names":["slow"],"for":"running"}}\n',
        b'{"id":1,"verb":"limits"}\n',
        b'{"id":1,"verb":"logs","args":{"names":["all"],"follow":true}}\n',
    ]
    for request in requests:
        for length in range(len(request) + 1):
            with Raw(box.socket) as client:
                client.send(request[:length])
    eventually(lambda: descriptors(box) <= before)
    assert_unharmed(box)


def test_a_client_that_asks_and_never_reads_costs_a_bounded_amount(box):
    with Raw(box.socket) as client:
        client.socket.settimeout(0.5)
        request = b'{"id":1,"verb":"status"}\n' * 1000
        sent = 0
        try:
            for _ in range(2000):
                sent += client.socket.send(request)
        except TimeoutError:
            pass  # pyinit reads no more of it
        assert sent < 10 << 20
        assert_unharmed(box)


def test_a_follower_that_never_reads_loses_output_and_is_told_how_much(fresh):
    with Raw(fresh.socket) as client, Raw(fresh.socket) as other:
        client.send({"id": 1, "verb": "logs", "args": {"names": ["flood"], "follow": True}})
        client.send({"id": 2, "verb": "health"})
        assert client.reply(2)["ok"] is True
        assert other.ask({"id": 1, "verb": "start", "args": {"names": ["flood"]}})["ok"] is True
        eventually(lambda: printed_bytes(fresh) > 5 << 20)  # far more than a queue holds
        assert other.ask({"id": 1, "verb": "stop", "args": {"names": ["flood"]}})["ok"] is True
        assert_unharmed(fresh)
        lost = 0
        while not lost:
            frame = client.receive()
            assert frame["event"] in ("output", "dropped")
            lost = frame.get("count", 0)
    assert lost > 0


def printed_bytes(box):
    """Return what the programs of the box have written, as the kernel counts it."""
    counts = []
    for one in box.processes()[1:]:
        try:
            lines = Path(f"/proc/{one.pid}/io").read_text().splitlines()
        except OSError:
            continue
        counts += [int(line.split()[1]) for line in lines if line.startswith("wchar")]
    return max(counts, default=0)


BINARY = """
[init]
exit = "never"
[program.binary]
command = ["sh", "-c", "head -c 70000 /dev/zero | tr '\\\\0' '\\\\377'; echo; exec sleep 600"]
stdout = "null"
start_seconds = 0
instances = 300
"""


def test_the_output_of_many_is_cut_to_what_one_reply_holds():
    """Bytes that are no text take six times their size on the wire."""
    with Box(BINARY) as box:
        box.wait_socket()

        def told():
            found = box.call("logs", {"names": ["binary"]})["processes"]
            return found if all(each.get("cut") for each in found) else None

        found = eventually(told, within_s=120)
        assert len(found) == 300
        sizes = {len(each["text"].encode("utf-8", "surrogateescape")) for each in found}
        assert sizes == {LOGS_BYTES // 300}
        [one] = box.call("logs", {"names": ["binary:7"]})["processes"]
        assert "cut" not in one
        assert len(one["text"]) > 60_000


def test_a_thousand_clients_at_once_are_served_or_told_that_it_is_full(box):
    need_descriptors(1100)
    clients = []
    try:
        for _ in range(1000):
            client = Raw(box.socket)
            client.send({"id": "me", "verb": "status", "args": {"names": ["web"]}})
            clients.append(client)
        answers = [client.receive() for client in clients]
        served = [each for each in answers if each is not None and each["ok"]]
        full = [each for each in answers if each is not None and not each["ok"]]
        assert len(served) + len(full) == 1000, answers.count(None)
        assert len(served) >= CLIENTS
        assert {each["error"]["code"] for each in full} <= {"busy"}
        assert descriptors(box) < CLIENTS + 40
    finally:
        for client in clients:
            client.socket.close()
    assert_unharmed(box)


def test_clients_that_are_busy_keep_their_place_and_others_are_turned_away(box):
    clients = []
    try:
        for _ in range(CLIENTS):
            client = Raw(box.socket)
            client.send({"id": 1, "verb": "events", "args": {"follow": True}})
            client.send({"id": 2, "verb": "health"})
            assert client.reply(2)["ok"] is True
            clients.append(client)
        with Raw(box.socket) as late:
            assert late.receive()["error"] == {
                "code": "busy", "message": f"{CLIENTS} clients are connected already",
            }  # fmt: skip
            assert late.receive() is None
        clients.pop().socket.close()
        eventually(lambda: not is_full(box))
    finally:
        for client in clients:
            client.socket.close()


def test_the_idlest_client_makes_room_and_is_told(box):
    clients = [Raw(box.socket) for _ in range(CLIENTS)]
    try:
        for client in clients:
            assert client.ask({"id": 1, "verb": "health"})["ok"] is True
        with Raw(box.socket) as late:
            assert late.ask({"id": 1, "verb": "health"})["ok"] is True
        assert clients[0].receive()["error"] == {
            "code": "busy", "message": f"dropped as the idlest of {CLIENTS} clients",
        }  # fmt: skip
        assert clients[0].receive() is None
        assert clients[1].ask({"id": 2, "verb": "health"})["ok"] is True
    finally:
        for client in clients:
            client.socket.close()


def test_streams_and_waiting_requests_of_one_client_are_bounded(box):
    with Raw(box.socket) as client:
        for number in range(STREAMS + 1):
            client.send({"id": number, "verb": "events", "args": {"follow": True}})
        assert client.receive() == {
            "id": STREAMS, "ok": False, "error": {
                "code": "busy", "message": f"cannot events: {STREAMS} streams are open already",
            },
        }  # fmt: skip
    with Raw(box.socket) as client:
        args = {"names": ["slow"], "for": "running"}
        for number in range(HELD + 1):
            client.send({"id": number, "verb": "wait", "args": args})
        told = client.receive()
        assert (told["id"], told["error"]["code"]) == (HELD, "busy")
        assert client.ask({"id": "still", "verb": "health"})["id"] == "still"


@needs_root
def test_waiting_requests_of_a_user_are_bounded_whoever_the_clients_are_but_for_root(box):
    args = {"names": ["slow"], "for": "running"}
    with acting_as(ORDINARY):
        crowd = [Raw(box.socket) for _ in range(HELD_OF_USER // HELD + 1)]
    roots = [Raw(box.socket) for _ in range(HELD_OF_USER // HELD + 1)]
    try:
        for client in crowd[:-1]:
            for number in range(HELD):
                client.send({"id": number, "verb": "wait", "args": args})
            assert client.ask({"id": "still", "verb": "health"})["id"] == "still"
        told = crowd[-1].ask({"id": 1, "verb": "wait", "args": args})
        assert told["error"]["code"] == "busy"
        assert f"{HELD_OF_USER} requests of uid {ORDINARY}" in told["error"]["message"]
        for client in roots:
            assert all(_waits(client, args) for _ in range(HELD))
        crowd[0].socket.close()
        eventually(lambda: _waits(crowd[-1], args))
    finally:
        for client in (*crowd, *roots):
            client.socket.close()


def _waits(client, args):
    """Say whether a request is held: what comes after it is answered first."""
    client.send({"id": "w", "verb": "wait", "args": args})
    client.send({"id": "h", "verb": "health"})
    return client.receive()["id"] == "h"


def test_a_crowd_that_waits_for_a_thousand_costs_nothing_while_others_come_and_go():
    programs = """
    [init]
    exit = "never"
    [program.p]
    command = ["true"]
    autostart = false
    instances = 1000
    [program.flapping]
    command = ["sleep", "0.05"]
    start_seconds = 0
    restart = { policy = "always", delay = "50ms", max = 0 }
    """
    with Box(programs) as box:
        eventually(Path(box.socket).exists)
        crowd = [Raw(box.socket) for _ in range(HELD_OF_USER // HELD)]
        for client in crowd:
            for number in range(HELD):
                args = {"names": ["p"], "for": "exited"}
                client.send({"id": number, "verb": "wait", "args": args})
            assert client.ask({"id": "still", "verb": "health"})["id"] == "still"
        before = busy_s(box), box.json("status", "flapping")["processes"][0]["restarts"]

        def many():
            return box.json("status", "flapping")["processes"][0]["restarts"] - before[1] >= 50

        eventually(many)
        assert busy_s(box) - before[0] < 10.0
        for client in crowd:
            client.socket.close()


def busy_s(box):
    """Return the processor time that PID 1 has used."""
    fields = Path(f"/proc/{box.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_work_in_slices_lets_others_in_between(box):
    with Raw(box.socket) as client, Raw(box.socket) as other:
        client.send(b'{"id":1,"verb":"limits"}\n' * 20)
        assert other.ask({"id": 1, "verb": "health"})["ok"] is True
        assert [client.receive()["ok"] for _ in range(20)] == [True] * 20


def test_a_crowd_that_asks_for_everything_costs_no_more_than_one_who_does():
    programs = '[init]\nexit = "never"\n[program.p]\ncommand = ["true"]\n'
    with Box(programs + "autostart = false\ninstances = 1000\n") as box:
        eventually(Path(box.socket).exists)
        with Raw(box.socket) as client:
            assert client.ask({"id": 1, "verb": "info"})["ok"] is True
        before = peak_kb(box)
        crowd = [Raw(box.socket) for _ in range(HELD_OF_USER // HELD - 1)]
        for client in crowd:
            client.send(b'{"id":1,"verb":"info"}\n' * HELD)
        with Raw(box.socket) as other:
            assert other.ask({"id": 1, "verb": "info"})["ok"] is True  # who came last has a turn
        for client in crowd:
            assert client.receive()["ok"] is True
        assert peak_kb(box) - before < 50_000
        for client in crowd:
            client.__exit__()
        assert_unharmed(box)


def peak_kb(box):
    status = Path(f"/proc/{box.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def test_short_of_descriptors_pyinit_turns_clients_away_and_recovers(fresh):
    low = descriptors(fresh) + 3
    resource.prlimit(fresh.pid, resource.RLIMIT_NOFILE, (low, 4096))
    clients = []
    try:
        for _ in range(10):
            client = socket.socket(socket.AF_UNIX)
            client.connect(fresh.socket)
            clients.append(client)
        fresh.until("cannot accept a control client")
    finally:
        for client in clients:
            client.close()
    resource.prlimit(fresh.pid, resource.RLIMIT_NOFILE, (4096, 4096))
    assert_unharmed(fresh)


def descriptors(box):
    return len(os.listdir(f"/proc/{box.pid}/fd"))


def is_full(box):
    with Raw(box.socket) as client:
        told = client.ask({"id": 1, "verb": "health"})
        return told is None or not told["ok"]


def need_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            pytest.skip(f"needs {count} descriptors, may have {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def test_json_of_the_tests_is_that_of_pyinit(box):
    with Raw(box.socket) as client:
        client.send(json.dumps({"id": "ä\ud800", "verb": "health"}).encode() + b"\n")
        assert client.receive()["id"] == "ä\ud800"
