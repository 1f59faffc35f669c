"""Ready probes under a real PID 1: who is asked, how, and what keeps nobody waiting."""

import os
import socket
import subprocess
import time

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
AFTER = program("after", "echo after; exec sleep 600", depends_on={"web": "ready"})
QUICK = {"timeout": "300s", "interval": "100ms"}
# Listens after a while where it is told to: "tcp PORT" or "unix PATH"; answers every request.
SERVER = """
import os, _socket, sys, time
kind, place, status = sys.argv[1:4]
family = {"tcp": _socket.AF_INET, "tcp6": _socket.AF_INET6, "unix": _socket.AF_UNIX}[kind]
server = _socket.socket(family, _socket.SOCK_STREAM)
time.sleep(0.3)
host = {"tcp": "127.0.0.1", "tcp6": "::1"}.get(kind)
if host:
    server.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    server.bind((host, int(place)))
else:
    server.bind(place)
server.listen(5)
print("listening", flush=True)
count = 0
while True:
    fd, _ = server._accept()
    count += 1
    if status == "mute":
        continue
    if status != "accept":
        request = os.read(fd, 4096)
        print(request.split(b"\\r\\n")[0].decode(), flush=True)
        said = status if count > int(sys.argv[4]) else "503 Not Yet"
        os.write(fd, f"HTTP/1.1 {said}\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
    os.close(fd)
"""


FIRST_PORT, PORTS = 20000, 12000  # below those that the kernel gives out by itself


@pytest.fixture
def port():
    """A port that nobody listens on, and that no other test of this machine takes meanwhile."""
    start = os.getpid() * 97  # each worker looks elsewhere first
    for offset in range(start, start + PORTS):
        number = FIRST_PORT + offset % PORTS
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0pyinit-test-port-{number}")
            except OSError:
                continue
            if is_free(number):
                yield number
                return
    raise AssertionError("no free port")


def is_free(number):
    with socket.socket() as found, socket.socket(socket.AF_INET6) as other:
        try:
            found.bind(("127.0.0.1", number))
            other.bind(("::1", number))
        except OSError:
            return False
    return True


def text_of(*words, ready, **keys):
    return program("web", *words, ready={**QUICK, **ready}, **keys) + AFTER


def is_ready_only_then(box, said):
    """It is ready, and was not before it said what it says when it is."""
    box.until("after", out=True)
    out = box.out
    assert out.index(said) < out.index("after")
    assert box.status()["web"]["ready"] is True


@pytest.mark.parametrize("uid", USERS)
def test_who_accepts_connections_is_ready(port, uid):
    words = python(SERVER, "tcp", str(port), "accept")
    with Box(text_of(*words, ready={"tcp": f"127.0.0.1:{port}"}), uid=uid) as box:
        is_ready_only_then(box, "listening")


@pytest.mark.parametrize("kind", ["tcp", "tcp6"])
def test_a_port_without_a_host_is_on_this_machine_by_either_protocol(port, kind):
    words = python(SERVER, kind, str(port), "accept")
    with Box(text_of(*words, ready={"tcp": f":{port}"})) as box:
        is_ready_only_then(box, "listening")


def test_who_accepts_on_a_socket_is_ready():
    words = python(SERVER, "unix", "PLACE/app.sock", "accept")
    text = text_of(*words, ready={"unix": "PLACE/app.sock"}).replace("PLACE", "${PYINIT_BOX}")
    with Box(text) as box:
        is_ready_only_then(box, "listening")


@pytest.mark.parametrize("status", ["200 OK", "204", "302 Found"])
def test_who_answers_well_is_ready_and_not_before(port, status):
    words = python(SERVER, "tcp", str(port), status, "2")
    with Box(text_of(*words, ready={"http": f":{port}/healthz?a=b"})) as box:
        is_ready_only_then(box, "listening")
        before = box.out[: box.out.index("after")]
        assert before.count("GET /healthz?a=b HTTP/1.1") == 3


def test_http_may_be_asked_over_a_unix_socket():
    words = python(SERVER, "unix", "PLACE/app.sock", "200 OK", "1")
    text = text_of(*words, ready={"http": "unix:PLACE/app.sock:/up"})
    with Box(text.replace("PLACE", "${PYINIT_BOX}")) as box:
        is_ready_only_then(box, "GET /up")


def test_a_host_by_name_is_asked_by_a_child(port):
    """Another name of this machine, which only a name service (here /etc/hosts) knows."""
    name = socket.gethostname()
    try:
        address = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)[0][4][0]
    except OSError:
        pytest.skip("this machine does not know its own name")
    code = SERVER.replace('"127.0.0.1"', f"{address!r}")
    kind = "tcp6" if ":" in address else "tcp"
    if kind == "tcp6":
        code = SERVER.replace('"::1"', f"{address!r}")
    words = python(code, kind, str(port), "200 OK", "1")
    with Box(text_of(*words, ready={"http": f"http://{name}:{port}/"})) as box:
        is_ready_only_then(box, "GET /")


@pytest.mark.parametrize("uid", USERS)
def test_a_command_that_ends_well_is_readiness_and_runs_as_the_program_does(uid):
    script = 'test -e $PYINIT_BOX/up && echo "$PWD $MORE $PYINIT_PROCESS" > $PYINIT_BOX/seen'
    text = text_of(
        "sleep 0.3; touch $PYINIT_BOX/up; echo up; exec sleep 600",
        ready={"exec": ["sh", "-c", script]}, directory="/usr", env={"MORE": "more"},
    )  # fmt: skip
    with Box(text, uid=uid) as box:
        is_ready_only_then(box, "up")
        assert (box.place / "seen").read_text() == "/usr more web\n"


@needs_root
def test_a_command_has_the_user_and_the_limits_of_its_program():
    script = 'echo "$(id -u) $(ulimit -n)" > $PYINIT_BOX/seen'
    keys = {"user": ORDINARY, "limits": {"nofile": 77}}
    text = text_of("exec sleep 600", ready={"exec": ["sh", "-c", script]}, **keys)
    with Box(text) as box:
        os.chmod(box.place, 0o777)
        box.until("after", out=True)
        assert (box.place / "seen").read_text() == f"{ORDINARY} 77\n"


@pytest.mark.parametrize(
    ("ready", "why"),
    [
        ({"tcp": "127.0.0.1:1"}, "cannot connect to 127.0.0.1:1: Connection refused"),
        ({"http": ":1/up"}, "cannot connect to localhost:1: Connection refused"),
        ({"unix": "/no/such.sock"}, "cannot connect to /no/such.sock: No such file or directory"),
        ({"exec": ["/no/such"]}, 'cannot execute "/no/such": No such file or directory'),
        ({"exec": ["sh", "-c", "echo one; echo two >&2; exit 7"]}, '"sh": exit status 7: two'),
        ({"exec": ["sh", "-c", "kill -9 $$"]}, '"sh": killed by SIGKILL'),
    ],
)
def test_who_never_was_ready_is_told_why(ready, why):
    ready = {**ready, "timeout": "2s"}
    with Box(text_of("exec sleep 600", ready=ready, restart="never")) as box:
        assert box.wait() != 0
        assert "not ready within 2 s" in box.err
        assert f"web: was never ready: {why}" in box.err
        assert "after: started" not in box.err


def test_the_last_answer_is_in_the_report_of_the_run_and_in_no_other():
    ready = {"exec": ["sh", "-c", "echo the tables are missing; exit 7"], "timeout": "500ms"}
    with Box(text_of("exec sleep 600", ready=ready, restart={"delay": "100s"})) as box:
        box.wait_state("web", "BACKOFF")
        said = 'not ready within 0.5 s: "sh": exit status 7: the tables are missing'
        assert said in box.ctl("why", "web").stdout
        assert said in box.status()["web"]["last_exit"]["reason"]
        box.config.write_text(text_of("exec sleep 600", ready={"delay": 0}))
        box.ctl("reload")
        box.wait_state("web", "RUNNING")
        os.kill(box.outer(box.status()["web"]["pid"]), 9)
        ends = eventually(lambda: _second_end(box))
        assert ends[-1]["reason"] == "killed by SIGKILL"


def _second_end(box):
    ends = box.json("why", "web")["processes"][0]["ends"]
    return ends if len(ends) > 1 else None


def test_a_command_that_hangs_keeps_nobody_waiting_and_is_killed_with_all_it_started():
    script = "trap '' TERM; setsid sleep 7777 & sleep 7777"
    text = text_of("exec sleep 600", ready={"exec": ["sh", "-c", script], "timeout": "4s"},
                   restart={"delay": "100s"})  # fmt: skip
    with Box(text) as box:
        eventually(lambda: [one for one in box.processes() if "7777" in one.words])
        began = time.monotonic()
        assert box.status()["web"]["state"] == "STARTING"
        assert time.monotonic() - began < 3.0
        box.wait_state("web", "BACKOFF")
        eventually(lambda: not [one for one in box.processes() if "7777" in " ".join(one.words)])
        assert "does not end" in box.err
        assert not box.zombies()


def test_what_a_command_leaves_behind_goes_with_it():
    script = "setsid sleep 7777 & exit 0"
    text = text_of("exec sleep 600", ready={"exec": ["sh", "-c", script]})
    with Box(text) as box:
        box.until("after", out=True)
        eventually(lambda: not [one for one in box.processes() if "7777" in one.words])


def test_a_command_that_prints_without_end_is_given_up_and_keeps_nobody_waiting():
    text = text_of("exec sleep 600", ready={"exec": ["yes"], "timeout": "2s"}, restart="never")
    with Box(text) as box:
        box.until("was never ready")
        assert '"yes" prints without end' in box.err
        assert box.wait() != 0


def test_nobody_asks_a_run_that_is_over():
    """A probe that outlives its run would wake pyinit for ever."""
    from test_pid1_readiness import falls_asleep

    text = '[init]\nexit = "never"\n' + program(
        "web", "exec sleep 600", ready={"tcp": "127.0.0.1:1", **QUICK}
    )
    with Box(text) as box:
        box.wait_state("web", "STARTING")
        box.call("stop", {"names": ["web"], "wait": True})
        assert falls_asleep(box)


def test_a_program_that_is_ready_is_asked_no_more(port):
    from test_pid1_readiness import falls_asleep

    words = python(SERVER, "tcp", str(port), "200 OK", "0")
    with Box(text_of(*words, ready={"http": f":{port}/"})) as box:
        box.until("after", out=True)
        assert falls_asleep(box)
        assert box.out.count("GET /") == 1


def test_a_hundred_programs_that_are_asked_by_commands_lose_no_status():
    """Every child's end comes by the one reaper, and so do those of the programs."""
    texts = [
        program(
            f"p{n}",
            "sleep 0.2; touch $PYINIT_BOX/up; exec sleep 600",
            ready={"exec": ["test", "-e", "FLAG"], **QUICK},
        )
        for n in range(100)
    ]
    once = program("once", "exit 0", type="oneshot")
    text = "".join(texts).replace("FLAG", "${PYINIT_BOX}/up") + once
    with Box(text) as box:
        box.wait_socket()
        assert box.ctl("wait", "all", "--timeout", "50").returncode == 0
        assert box.status()["once"]["state"] == "EXITED"
        assert all(each["ready"] for name, each in box.status().items() if name != "once")
        assert not box.zombies()
        box.send("TERM")
        assert box.wait() == 0


def test_asking_goes_on_after_a_reexec():
    ready = {"exec": ["sh", "-c", "test -e $PYINIT_BOX/up || { sleep 0.2; exit 1; }"]}
    with Box(text_of("exec sleep 600", ready=ready)) as box:
        box.wait_state("web", "STARTING")
        assert box.ctl("reexec").returncode == 0
        (box.place / "up").touch()
        box.until("after", out=True)
        assert box.err.count("web: started") == 1


def test_https_is_asked_by_a_child_and_nobody_has_to_prove_who_they_are(port, tmp_path):
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=other", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    code = (
        "import http.server, ssl, sys\n"
        "server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])),"
        " http.server.SimpleHTTPRequestHandler)\n"
        "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        "context.load_cert_chain(sys.argv[2] + '/cert', sys.argv[2] + '/key')\n"
        "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
        "print('listening', flush=True)\n"
        "server.serve_forever()\n"
    )
    server = python(code, str(port), str(tmp_path))
    text = text_of(*server, ready={"http": f"https://127.0.0.1:{port}/"}, directory="/tmp")
    with Box(text) as box:
        is_ready_only_then(box, "listening")
