"""Event listeners under pyinit, served by the genuine childutils and superlance, and by bad ones."""

import re
import time

import pytest
from boxed import eventually
from control_raw import Raw
from supervised import SIDES, Side, base, genuine, listener, program

from pyinit.protocol.messages import Refused

# Speaks the protocol in sh: `$1` is what it answers, once told to be ready.
BAD = """sh -c 'echo READY; while read line; do {}; done'"""
SLEEPER = program("web", "sleep 600")


def bad(name, answer, events="REMOTE_COMMUNICATION", **keys):
    return program(name, BAD.format(answer), "eventlistener", events=events, **keys)


def remote(side, *words):
    for word in words:
        side.act("remote-event", type="word", data=word)


def words_of(side, name="recorder"):
    """Return the data of the REMOTE_COMMUNICATION events that a listener was sent."""
    found = [p for h, p in side.events(name) if h["eventname"] == "REMOTE_COMMUNICATION"]
    return [payload.partition("\n")[2] for payload in found]


# --- the protocol


@pytest.mark.parametrize("which", SIDES)
def test_an_event_that_was_refused_is_sent_again_with_its_serials(which):
    conf = base() + listener("REMOTE_COMMUNICATION", "FAIL", "OK")
    with Side(which, conf) as side:
        side.wait_state("recorder", "RUNNING")
        remote(side, "one", "two")
        side.wait_events(3)
        assert words_of(side) == ["one", "one", "two"]
        first, again, _ = [headers for headers, _ in side.events()]
        assert first == again
        assert ("WARN", "recorder: event was rejected") in side.messages()


@pytest.mark.parametrize("which", SIDES)
def test_the_event_of_a_listener_that_died_is_sent_to_the_next_run(which):
    conf = base() + listener("REMOTE_COMMUNICATION", "DIE", "OK")
    with Side(which, conf) as side:
        side.wait_state("recorder", "RUNNING")
        remote(side, "one", "two")
        side.wait_events(2)  # every run of it dies of its first event
        assert words_of(side)[:2] == ["one", "one"]


def test_a_word_that_cannot_be_sent_is_refused_and_blocks_nobody():
    with Side("pyinit", base() + listener("REMOTE_COMMUNICATION")) as side:
        side.wait_state("recorder", "RUNNING")
        with pytest.raises(Refused, match="no such text"):
            remote(side, "half \ud800 of a letter")
        remote(side, "one")
        side.wait_events(1)
        assert words_of(side) == ["one"]


@pytest.mark.parametrize("which", SIDES)
def test_the_oldest_event_makes_room_for_the_newest(which):
    conf = base() + listener("REMOTE_COMMUNICATION", "HANG", buffer_size=2)
    with Side(which, conf) as side:
        side.wait_state("recorder", "RUNNING")
        remote(side, "zero")
        side.wait_events(1)
        remote(side, "one", "two", "three", "four")
        discarded = [
            ("ERRO", f"pool recorder event buffer overflowed, discarding event {serial}")
            for serial in (1, 2)
        ]
        eventually(lambda: [m for m in side.messages() if "overflowed" in m[1]] == discarded)


@pytest.mark.parametrize("which", SIDES)
def test_one_member_of_a_pool_gets_each_event(which):
    conf = base() + listener(
        "REMOTE_COMMUNICATION", numprocs=3, process_name="r%(process_num)s", buffer_size=50
    )
    with Side(which, conf) as side:
        for number in range(3):
            side.wait_state(f"recorder:r{number}", "RUNNING")
        sent = [f"word {number}" for number in range(30)]
        remote(side, *sent)
        side.wait_events(30)
        assert sorted(words_of(side), key=sent.index) == sent
        assert {headers["pool"] for headers, _ in side.events()} == {"recorder"}


def test_events_are_taken_in_order_even_where_they_waited():
    """supervisord sends an event that comes just now before those that wait."""
    conf = base() + listener("REMOTE_COMMUNICATION", buffer_size=100, startsecs=2)
    with Side("pyinit", conf) as side:
        sent = [f"word {number}" for number in range(60)]
        remote(side, *sent[:30])
        side.wait_state("recorder", "RUNNING")
        remote(side, *sent[30:])
        side.wait_events(60)
        assert words_of(side) == sent
        assert [int(headers["poolserial"]) for headers, _ in side.events()] == list(range(60))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("echo READY", r"READY\\n.* where RESULT and its length was due"),
        ("echo RESULT xx", r"RESULT xx\\n.* where RESULT and its length was due"),
        ("echo RESULT 2; echo OK", r"\\n.* where READY was due"),
    ],
)
def test_a_listener_that_breaks_the_protocol_is_restarted_and_its_event_kept(answer, said):
    conf = base() + bad("bad", f"{answer}; echo $line >>%(here)s/lines")
    with Side("pyinit", conf) as side:
        side.wait_state("bad", "RUNNING")
        first = side.pid_of("bad")
        remote(side, "word")
        eventually(lambda: side.pid_of("bad") not in (0, first))
        text = "\n".join(text for level, text in side.messages() if level == "WARN")
        assert re.search(f"bad: broke the event listener protocol: it said b'{said}; restart", text)
        assert "bad: has entered the UNKNOWN state, this usually indicates" in text
        if "OK" not in answer:  # it is told again
            eventually(lambda: side.read("lines").count("serial:0 ") >= 2)


def test_a_listener_that_has_closed_its_stdin_is_restarted():
    conf = base() + program(
        "bad", "sh -c 'echo READY; exec <&-; sleep 600'", "eventlistener", events="TICK_5"
    )
    with Side("pyinit", conf) as side:
        text = "bad: broke the event listener protocol: it has closed its stdin; restarting it"
        eventually(lambda: ("WARN", text) in side.messages())


def test_a_listener_that_breaks_the_protocol_again_and_again_is_restarted_ever_later():
    conf = base() + program(
        "bad", "sh -c 'echo nonsense; sleep 600'", "eventlistener", events="TICK_3600"
    )
    with Side("pyinit", conf) as side:
        pattern = r"bad: broke the event listener protocol: .*; restarting it(?: in (\S+) s)?$"

        def pauses():
            return [m[1] for m in (re.search(pattern, text) for _, text in side.messages()) if m]

        eventually(lambda: len(pauses()) >= 3)
        assert pauses()[:3] == [None, "1", "2"]


def test_an_event_that_is_always_refused_keeps_nobody_busy():
    conf = base() + listener("REMOTE_COMMUNICATION", "FAIL")
    with Side("pyinit", conf) as side:
        side.wait_state("recorder", "RUNNING")
        remote(side, "one")
        began = time.monotonic()
        side.wait_events(4)
        assert time.monotonic() - began > 1.5


def long(size):
    """Return a program whose captured output, an event, has so many bytes."""
    script = (
        f'printf "<!--XSUPERVISOR:BEGIN-->"; head -c {size} /dev/zero | tr "\\\\0" x;'
        ' printf "<!--XSUPERVISOR:END-->"; sleep 600'
    )
    return program("long", f"sh -c '{script}'", stdout_capture_maxbytes=size + 1, autostart="false")


def test_a_listener_that_reads_nothing_holds_up_nobody():
    """Its event is longer than its pipe, and it never reads it."""
    types = "PROCESS_COMMUNICATION"
    conf = base() + long(300_000) + listener(types)
    conf += program("deaf", "sh -c 'echo READY; sleep 600'", "eventlistener", events=types)
    with Side("pyinit", conf) as side:
        for name in ("deaf", "recorder"):
            side.wait_state(name, "RUNNING")
        side.act("start", "long")
        side.wait_events(1)
        side.act("restart", "long")
        side.wait_events(2)
        assert [len(p.partition("\n")[2]) for _, p in side.events()] == [300_000, 300_000]
        assert side.states()["deaf"] == "RUNNING"


def test_an_event_that_is_too_long_is_discarded_and_said():
    conf = base() + listener("PROCESS_COMMUNICATION,REMOTE_COMMUNICATION")
    conf += long(3_000_000)
    with Side("pyinit", conf) as side:
        side.wait_state("recorder", "RUNNING")
        side.act("start", "long")
        text = "cannot send event 0 to pool recorder: it has 30001"
        eventually(lambda: any(text in said for _, said in side.messages()))
        remote(side, "short")
        side.wait_events(1)
        assert words_of(side) == ["short"]


# --- what goes on


def test_a_re_exec_forgets_no_event_and_no_listener():
    conf = base() + listener("REMOTE_COMMUNICATION", buffer_size=50) + bad("busy", "sleep 600")
    with Side("pyinit", conf) as side:
        for name in ("recorder", "busy"):
            side.wait_state(name, "RUNNING")
        remote(side, "a")
        side.wait_events(1)
        pids = side.pid_of("recorder"), side.pid_of("busy")
        for round_number in range(3):
            with Raw(side.control) as client:
                assert client.ask({"id": 1, "verb": "reexec"})["ok"] is True
            remote(side, f"b{round_number}", "\N{SNOWMAN}")
        side.wait_events(7)
        snowman = "\N{SNOWMAN}"
        assert words_of(side) == ["a", "b0", snowman, "b1", snowman, "b2", snowman]
        assert [int(headers["serial"]) for headers, _ in side.events()] == list(range(7))
        assert (side.pid_of("recorder"), side.pid_of("busy")) == pids
        with Raw(side.control) as client:
            assert client.ask({"id": 1, "verb": "reexec"})["ok"] is True
        side.kill("busy")  # what it had is told its next run, and what waited after it
        eventually(lambda: side.pid_of("busy") not in (0, pids[1]))
        side.wait_state("busy", "RUNNING")
        assert not [text for _, text in side.messages() if "overflowed" in text]


def test_an_idle_pyinit_with_listeners_never_wakes_unless_they_want_ticks():
    from pathlib import Path

    conf = base() + listener("PROCESS_STATE") + SLEEPER
    with Side("pyinit", conf) as side:
        side.wait_events(4)

        def switches():
            lines = Path(f"/proc/{side.pid}/status").read_text().splitlines()
            return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

        eventually(lambda: _same(switches))
        before = switches()
        time_s = 6.0
        end = time.monotonic() + time_s
        eventually(lambda: time.monotonic() > end, within_s=60, every_s=0.5)
        assert switches() == before


def _same(look):
    before = look()
    end = time.monotonic() + 1.5
    eventually(lambda: time.monotonic() > end, every_s=0.1)
    return look() == before


def test_ticks_come_at_their_time():
    conf = base() + listener("TICK_5")
    with Side("pyinit", conf) as side:
        side.wait_events(2)
        stamps = [int(payload.removeprefix("when:")) for _, payload in side.events()]
        assert [stamp % 5 for stamp in stamps] == [0] * len(stamps)
        assert stamps[1] - stamps[0] == 5


def test_a_group_that_comes_with_a_reload_and_one_that_goes_are_told():
    one = base() + listener("PROCESS_GROUP") + SLEEPER
    with Side("pyinit", one) as side:
        side.wait_events(2)
        side.conf.write_text(base() + listener("PROCESS_GROUP") + program("new", "cat"))
        side.act("reload")
        side.wait_events(4)
        assert [(headers["eventname"], payload) for headers, payload in side.events()][2:] in (
            [
                ("PROCESS_GROUP_ADDED", "groupname:new\n"),
                ("PROCESS_GROUP_REMOVED", "groupname:web\n"),
            ],
            [
                ("PROCESS_GROUP_REMOVED", "groupname:web\n"),
                ("PROCESS_GROUP_ADDED", "groupname:new\n"),
            ],
        )


def test_a_listener_that_comes_with_a_reload_hears_what_follows():
    with Side("pyinit", base() + SLEEPER) as side:
        side.wait_state("web", "RUNNING")
        side.conf.write_text(base() + SLEEPER + listener("PROCESS_STATE,REMOTE_COMMUNICATION"))
        side.act("reload")
        side.wait_state("recorder", "RUNNING")
        side.act("restart", "web")
        remote(side, "word")
        side.wait_events(1, wanted=lambda headers, _: headers["eventname"].startswith("REMOTE"))
        told = [payload for _, payload in side.events() if "processname:web" in payload]
        assert len(told) == 4, told


# --- clients of the control socket


def test_a_client_sees_the_events_as_a_listener_does():
    with Side("pyinit", base() + SLEEPER) as side, Raw(side.control) as client:
        side.wait_state("web", "RUNNING")
        client.send({"id": 1, "verb": "events", "args": {"supervisord": True}})
        client.send({"id": 2, "verb": "status"})
        assert client.receive()["id"] == 2  # so the first is under way
        remote(side, "word")
        assert client.receive() == {
            "event": "supervisord",
            "id": 1,
            "name": "REMOTE_COMMUNICATION",
            "payload": "type:word\nword",
        }
        side.act("stop", "web")
        names = [client.receive()["name"] for _ in range(2)]
        assert names == ["PROCESS_STATE_STOPPING", "PROCESS_STATE_STOPPED"]


def test_who_sees_all_events_cannot_choose_among_them():
    with Side("pyinit", base() + SLEEPER) as side, Raw(side.control) as client:
        args = {"supervisord": True, "names": ["web"]}
        told = client.ask({"id": 1, "verb": "events", "args": args})
        assert told["error"]["code"] == "bad-request"


# --- superlance


@pytest.mark.parametrize("which", SIDES)
def test_crashmail_writes_a_mail_about_a_crash(which):
    mail = "tee -a %(here)s/mail"
    conf = base() + program(
        "crashmail",
        f'{genuine("crashmail")} -a -m me@here -s "{mail}"',
        "eventlistener",
        events="PROCESS_STATE_EXITED",
    )
    conf += program("crash", "sh -c 'sleep 3; exit 7'", autorestart="false", autostart="false")
    with Side(which, conf) as side:
        side.wait_state("crashmail", "RUNNING")
        side.act("start", "crash")
        eventually(lambda: "crash" in side.read("mail"))
        mail = side.plainly(side.read("mail"))
        assert "To: me@here" in mail
        assert "Process crash in group crash exited unexpectedly (pid N) from state RUNNING" in mail


def test_fatalmailbatch_hears_of_a_program_that_gave_up():
    conf = base("loglevel=debug") + program(
        "fatal",
        f"{genuine('fatalmailbatch')} -t me@here -f you@here -i 0.05 -H 127.0.0.1",
        "eventlistener",
        events="PROCESS_STATE,TICK_60",
        stderr_logfile="%(here)s/fatal.err",
    )
    conf += program("never", "/bin/false", startretries=0)
    with Side("pyinit", conf) as side:
        side.wait_state("never", "FATAL")
        text = "Process never:never failed to start too many times"
        eventually(lambda: text in side.read("fatal.err"))


@pytest.mark.parametrize("which", SIDES)
def test_memmon_restarts_what_has_grown(which):
    conf = base() + SLEEPER
    conf += program("memmon", f"{genuine('memmon')} -p web=1KB", "eventlistener", events="TICK_5")
    with Side(which, conf) as side:
        side.wait_state("memmon", "RUNNING")
        side.wait_state("web", "RUNNING")
        first = side.pid_of("web")
        eventually(lambda: side.pid_of("web") not in (0, first))


@pytest.mark.parametrize("which", SIDES)
def test_httpok_restarts_what_does_not_answer(which):
    conf = base() + SLEEPER
    words = f"{genuine('httpok')} -p web http://127.0.0.1:9"
    conf += program("httpok", words, "eventlistener", events="TICK_5")
    with Side(which, conf, network=True) as side:
        side.wait_state("httpok", "RUNNING")
        side.wait_state("web", "RUNNING")
        first = side.pid_of("web")
        eventually(lambda: side.pid_of("web") not in (0, first))
