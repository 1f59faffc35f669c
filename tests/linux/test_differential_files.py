"""Files under supervisord and pyinit: those that change, those with faults, those of its own tests.

The sequel of test_differential.py: what fails when a program is started, sockets, HUP and update.
"""

import re

import pytest
from boxed import IS_ROOT, eventually
from differing import DIFFERENCES, lines, lives, plain_event, side_by_side, spawned, unordered
from rpc_asking import answers, plain
from supervised import GENUINE_PLACES, base, listener, program

# --- starts that fail

FAILING = {
    "text": ("%(here)s/text", {"startretries": 0}),
    "badint": ("%(here)s/badint", {"startretries": 0}),
    "absent": ("/no/such/program", {"startretries": 1}),
    "quits": ("sh -c 'exit 0'", {"startretries": 1, "startsecs": 9}),
    "negative": ("sh -c 'exit 1'", {"startretries": -1, "startsecs": 9}),
    "shot": ("sh -c 'kill -TERM $$'", {"startretries": 0, "startsecs": 9}),
}
OTHERWISE = {
    "folder": ("/tmp", {"startretries": 0}),
    "quote": ("sh -c 'open", {"startretries": 0}),
    "nodir": ("sleep 600", {"startretries": 1, "startsecs": 9, "directory": "/no/such/place"}),
}


def test_starts_that_fail_fail_alike():
    conf = base() + listener("PROCESS_STATE", buffer_size=100)
    for name, (command, keys) in (FAILING | OTHERWISE).items():
        conf += program(name, command, **keys)
    names = [*FAILING, *OTHERWISE]
    gone = ("badint", "text", "absent", "negative", "shot")

    def script(side):
        for name in names:
            last = f"processname:{name} groupname:{name} from_state:BACKOFF"
            side.wait_events(1, wanted=lambda _, payload, last=last: payload == last)
        found = [lives(side), {name: lines(side, f"\\b{name}\\b") for name in FAILING}]
        found.append({name: info_of(side, name) for name in FAILING})
        found.append([info_of(side, name)["statename"] for name in OTHERWISE])
        found += answers(side, *[("startProcess", name) for name in gone])
        told = side.ctl("status", *FAILING)
        return found, told.returncode, side.plainly(told.stdout).splitlines()[:3]

    assert DIFFERENCES["command words"]
    assert DIFFERENCES["failed start"]
    assert DIFFERENCES["spawned"]
    files = {"text": "echo hi\n", "badint": "#!/no/such/interpreter\n"}
    ours, theirs = side_by_side(conf, script, files=files)
    assert ours == theirs


def info_of(side, name):
    return plain(side, side.rpc("supervisor.getProcessInfo", name))


# --- sockets that programs are given

GIVEN = "sh -c 'test -S /proc/self/fd/0 && echo given; exec sleep 600'"


def test_sockets_are_made_given_and_owned_alike():
    one = {"redirect_stderr": "true"}
    users = {"socket_owner": "nobody:daemon"} if IS_ROOT else {}
    keys = {"numprocs": 2, "process_name": "f%(process_num)s", "socket_mode": "0640", **users}
    conf = base() + program("f", GIVEN, "fcgi-program", socket="unix://%(here)s/f", **keys, **one)
    user = {"user": "nobody"} if IS_ROOT else {}
    conf += program("own", GIVEN, "fcgi-program", socket="unix://%(here)s/own", **user, **one)
    tcp = {"socket": "tcp://localhost:9123", "socket_backlog": 7}
    conf += program("t", GIVEN, "fcgi-program", **tcp, **one)
    names = ("f:f0", "f:f1", "own", "t")

    def script(side):
        def listens():
            return side.run("ss", "-Hltn").stdout.split()[:4]

        for name in names:
            side.wait_state(name, "RUNNING")
            eventually(lambda name=name: "given" in str(ask_log(side, name)))
        stats = [(side.place / name).stat() for name in ("f", "own")]
        found = [[(oct(each.st_mode), each.st_uid, each.st_gid) for each in stats], listens()]
        found += answers(side, ("sendProcessStdin", "t", "x"), ("stopProcess", "t"))
        found.append(listens())
        found += answers(side, ("startProcess", "t"))
        found.append(listens())
        ((question, stopped),) = answers(side, ("stopProcess", "f:*"))
        found.append((question, unordered("first ready", stopped)))
        found += answers(side, ("startProcess", "f:f1"))
        found += [(side.place / "f").exists(), [info_of(side, name) for name in names]]
        side.send("TERM")
        return found, side.wait()

    assert DIFFERENCES["sockets"]
    ours, theirs = side_by_side(conf, script, network=True)
    assert ours == theirs


def ask_log(side, name):
    return side.rpc("supervisor.tailProcessStdoutLog", name, 0, 100)


def test_a_program_with_a_socket_has_it_in_a_group_too():
    socket = {"socket": "unix://%(here)s/f", "redirect_stderr": "true"}
    conf = base() + program("f", GIVEN, "fcgi-program", **socket) + "[group:g]\nprograms=f\n\n"

    def script(side):
        side.wait_state("g:f", "RUNNING")
        return "given" in str(ask_log(side, "g:f"))

    assert DIFFERENCES["grouped socket"]
    assert side_by_side(conf, script) == (True, False)


# --- files that change


def running(headers, _payload):
    return headers["eventname"] == "PROCESS_STATE_RUNNING"


def test_update_and_a_restart_are_told_and_logged_alike():
    kinds = "PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE"
    same = base() + listener(kinds, buffer_size=100) + program("g1", "sleep 600")
    same += "[group:g]\nprograms=g1\npriority=3\n\n"
    before = same + program("a", "sleep 600") + program("b", "sleep 600")
    after = same + program("a", "sleep 601") + program("c", "sleep 600", priority=4)

    def script(side):
        def up(*names):
            for name in names:
                side.wait_state(name, "RUNNING")

        up("a", "b", "g:g1", "recorder")
        side.wait_events(8, wanted=lambda headers, _: "PROCESS_STATE" in headers["eventname"])
        side.conf.write_text(after)
        said = [side.ctl("update").stdout]
        up("a", "c", "g:g1")
        side.wait_events(6, wanted=running)  # else what comes last may be sent before it
        side.conf.write_text(before)
        side.send("HUP")
        eventually(lambda: side.log.count("started with pid") > 1)
        up("a", "b", "g:g1", "recorder")
        found = [side.read("sup.pid"), answers(side, ("getAllProcessInfo",))]
        said.append(side.ctl("shutdown").stdout)
        code = side.wait()
        events = [plain_event(*event) for event in side.events()]
        cut = [kind for kind, _ in events].index("SUPERVISOR_STATE_CHANGE_STOPPING")
        of = {}  # who is ready first is told first
        for event in events[: cut + 1]:
            of.setdefault(re.sub(r"process(name:\S+) .*|.*", r"\1", event[1]), []).append(event)
        told = [text for _, text in lines(side, "^(stopped|received|supervisord|Included|removed)")]
        return of, sorted(told), sorted(spawned(side)), found, said, code

    ours, theirs = side_by_side(before, script)
    assert ours == theirs
    assert theirs[-1] == 0


# --- files with faults

PROGRAM = "[program:x]\ncommand=sleep 600\n"
LISTENER = "[eventlistener:x]\ncommand=sleep 600\n"
SOCKET = "[fcgi-program:x]\ncommand=sleep 600\nsocket="
REFUSED_ALIKE = [
    "[program:x]\n",
    *[
        f"{PROGRAM}{line}\n"
        for line in (
            "autorestart=perhaps",
            "autostart=perhaps",
            "startsecs=1s",
            "startretries=x",
            "numprocs=2",
            "stopsignal=FOO",
            "stopsignal=999",
            "exitcodes=0,x",
            "exitcodes=256",
            "umask=9",
            "user=nosuchuser",
            "stopasgroup=true\nkillasgroup=false",
            "stdout_logfile_maxbytes=5M",
            "redirect_stderr=2",
            "process_name=a b",
            "priority=high",
            "[group:g]\nprograms=nix",
            "[include]",
        )
    ],
    "[program:a b]\ncommand=x\n",
    LISTENER,
    f"{LISTENER}events=FOO\n",
    f"{LISTENER}events=TICK_5\nbuffer_size=0\n",
    f"{LISTENER}events=TICK_5\nredirect_stderr=true\n",
    f"{SOCKET}tcp://localhost:9999\nsocket_mode=0700\n",
    "[inet_http_server]\nport=abc\n",
    "[inet_http_server]\n",
    "[inet_http_server]\nport=9001\nusername=a\n",
    "[rpcinterface:x]\n",
    "[unix_http_server:z]\n",
]
REFUSED_IN_OTHER_WORDS = [
    f"{PROGRAM}process_name=%(nix)s\n",
    f"{PROGRAM}environment=A\n",
    f"{PROGRAM}environment=A='b\n",
    f"{PROGRAM}directory=%(here\n",
    f"{PROGRAM}command\n",
    f"{SOCKET}foo\n",
    f"{SOCKET}unix:///tmp/x\nsocket_owner=nosuch\n",
    f"{SOCKET}unix:///tmp/x\nsocket_backlog=0\n",
    "[unix_http_server:z]\nfile=%(here)s/z\nchmod=99\n",
    "[unix_http_server:z]\nfile=%(here)s/z\nchown=nosuch\n",
]
TAKEN = {
    f"{PROGRAM}user=99999\n": "numeric user",
    f"{PROGRAM}stdout_logfile=%(here)s/no/such/x\n": "made directories",
    f"{LISTENER}events=TICK_5\nresult_handler=nix:nix\n": "plugins",
    "[rpcinterface:x]\nsupervisor.rpcinterface_factory=nix:nix\n": "plugins",
}


def refused(side):
    """Return the status and the first line of what is said, the place and the section away."""
    code = side.wait()
    said = re.sub(r"^Error: HERE/sup\.conf(:\d+)?: ", "Error: ", side.plainly(side.err))
    return code, re.sub(r" in section '[^']*' \(file: '[^']*'\)$", "", said.splitlines()[0])


@pytest.mark.parametrize("number", range(4))
def test_faults_are_told_in_the_same_words(number):
    for text in REFUSED_ALIKE[number::4]:
        ours, theirs = side_by_side(base() + text, refused, wait=False)
        assert ours == theirs
        assert theirs[0] == 2


def test_other_faults_are_told_with_the_same_status():
    assert DIFFERENCES["other words"]
    for text in REFUSED_IN_OTHER_WORDS:
        ours, theirs = side_by_side(base() + text, refused, wait=False)
        assert ours[0] == theirs[0] == 2
        assert ours[1].startswith("Error: ")
        assert theirs[1].startswith("Error: ")


def test_some_files_that_supervisord_refuses_are_taken():
    def script(side):
        if side.which == "genuine":
            return side.wait()
        side.wait_up()
        side.send("TERM")
        return side.wait()

    for text, because in TAKEN.items():
        assert DIFFERENCES[because]
        assert side_by_side(base() + text, script, wait=False) == (0, 2)


# --- the files of supervisor's own tests


def fixtures():
    for place in GENUINE_PLACES:
        found = place.parent.glob("lib/python3*/site-packages/supervisor/tests/fixtures/*.conf")
        if paths := sorted(found):
            return paths
    return []


def test_there_are_files_of_supervisors_own_tests():
    if not fixtures():
        pytest.skip("no supervisor/tests/fixtures here: scripts/setup.sh genuine installs them")
    assert len(fixtures()) > 20


@pytest.mark.parametrize("number", range(4))
def test_the_files_of_supervisors_own_tests_boot_alike(number):
    for path in fixtures()[number::4]:
        text = path.read_text().replace("/tmp/", "%(here)s/").replace("./example/", "")
        ours, theirs = side_by_side(text, booted, files=beside(path), wait=False)
        if path.name == "include.conf":  # its logfile is a directory
            assert DIFFERENCES["log file"]
            assert (ours[0], theirs[0]) == (0, 1)
        else:
            assert ours == theirs, path


def beside(path):
    """Return the files that the .conf of the fixtures names."""
    places = [*path.parent.glob("*.py"), *path.parent.glob("example/*.conf")]
    found = {each.name: each.read_text() for each in places}
    return {**found, "hello.sh": "sleep 600\n"}


def booted(side):
    """Return who was started, or why nobody was; it is told to end as soon as all are."""
    count = len(re.findall(r"^\[(?:program|eventlistener):", side.conf.read_text(), re.MULTILINE))
    begun = re.compile(r" (spawned: '\S+'|spawnerr: .*)", re.MULTILINE)

    def look():
        return side.ended or (
            "started with pid" in side.out and len(set(begun.findall(side.out))) >= count
        )

    eventually(look)
    try:
        side.send("TERM")
    except (AssertionError, ProcessLookupError):  # a listener has told it so before
        eventually(lambda: side.ended)
    code = side.wait()
    assert code == 0 or side.err  # else it has what programs print: DIFFERENCES["own copy"]
    return code, set(begun.findall(side.plainly(side.out)))
