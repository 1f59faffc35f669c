"""[socket.NAME], and programs that are born with one."""

import os

import pytest
from configs import faults_in, faults_of, plan_of, written

WEB = '[program.web]\ncommand = ["/bin/web"]\nsockets = ["http"]\n'


@pytest.mark.parametrize(
    ("listen", "place"),
    [
        ("127.0.0.1:8080", "tcp:127.0.0.1:8080"),
        ("localhost:8080", "tcp:127.0.0.1:8080"),
        ("tcp://10.0.0.1:80", "tcp:10.0.0.1:80"),
        ("[::1]:8080", "tcp:[::1]:8080"),
        (":8080", "tcp::8080"),
        ("*:8080", "tcp::8080"),
        ("8080", "tcp::8080"),
        ("0.0.0.0:8080", "tcp:0.0.0.0:8080"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
        ("unix:///run/app.sock", "unix:/run/app.sock"),
        ("/run/app.sock", "unix:/run/app.sock"),
    ],
)
def test_where_a_socket_listens_is_a_place(tmp_path, listen, place):
    plan = plan_of(tmp_path, f'[socket.http]\nlisten = "{listen}"\n{WEB}')
    assert [each.listen for each in plan.sockets] == [place]
    assert plan.processes[0].sockets == ("http",)
    assert plan.processes[0].places == (place,)


def test_a_relative_path_is_that_of_the_file_that_names_it(tmp_path):
    (socket,) = plan_of(tmp_path, f'[socket.http]\nlisten = "unix:app.sock"\n{WEB}').sockets
    assert socket.listen == f"unix:{tmp_path}/app.sock"


def test_every_key_of_a_socket_is_in_its_plan(tmp_path):
    text = '[socket.http]\nlisten = "/x"\nbacklog = 5\nmode = "0660"\nowner = "5:6"\n'
    text += '[socket.more]\nlisten = ":81"\nreuse_port = true\n'
    one, two = plan_of(tmp_path, text + WEB.replace('"http"', '"http", "more"')).sockets
    assert (one.backlog, one.mode, one.uid, one.gid, one.kept) == (5, 0o660, 5, 6, True)
    assert (two.reuse_port, two.backlog) == (True, 4096)


def test_the_stdin_of_a_program_can_be_a_socket(tmp_path):
    text = '[socket.f]\nlisten = ":9000"\n[program.f]\ncommand = "x"\nstdin = "socket:f"\n'
    (process,) = plan_of(tmp_path, text).processes
    assert (process.launch.stdin, process.sockets) == ("socket:f", ())
    assert process.places == ("tcp::9000",)


def test_instances_may_have_sockets_of_their_own(tmp_path):
    text = '[socket.a0]\nlisten = ":1"\n[socket.a1]\nlisten = ":2"\n'
    text += '[program.a]\ncommand = "x"\ninstances = 2\nsockets = "a${INSTANCE}"\n'
    plan = plan_of(tmp_path, text)
    assert [each.places for each in plan.processes] == [("tcp::1",), ("tcp::2",)]
    assert plan.warnings == ()


def test_a_socket_that_no_program_has_is_warned_of(tmp_path):
    text = '[socket.http]\nlisten = ":1"\n[program.a]\ncommand = "x"\n'
    (warning,) = plan_of(tmp_path, text).warnings
    assert warning == 'socket "http" is no program\'s: who connects there waits for ever'


def test_programs_of_no_instances_may_have_sockets_too(tmp_path):
    plan = plan_of(tmp_path, f'[socket.http]\nlisten = ":1"\n{WEB}instances = 0\n')
    assert (plan.processes, len(plan.sockets)) == ((), 1)
    assert not any("socket" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    ("one", "other", "is_free"),
    [
        (":80", "127.0.0.1:80", False),
        ("[::1]:80", "[::]:80", False),
        ("0.0.0.0:80", "127.0.0.1:80", False),
        ("0.0.0.0:80", "[::1]:80", True),
        ("127.0.0.2:80", "127.0.0.1:80", True),
        (":81", "127.0.0.1:80", True),
        ("unix:/a", "unix:/b", True),
    ],
)
def test_where_one_socket_listens_at_every_address_no_other_can(tmp_path, one, other, is_free):
    text = f'[socket.a]\nlisten = "{one}"\n[socket.b]\nlisten = "{other}"\n'
    text += WEB.replace('"http"', '"a", "b"')
    if is_free:
        assert len(plan_of(tmp_path, text).sockets) == 2
    else:
        ((line, message, _),) = faults_in(tmp_path, text)
        assert (line, message) == (4, 'listen: socket "a" is there already')
        shared = text.replace('"\n[', '"\nreuse_port = true\n[')
        assert len(plan_of(tmp_path, shared).sockets) == 2


SOCKET = '[socket.http]\nlisten = ":8080"\n'


@pytest.mark.parametrize(
    ("text", "line", "message", "fix"),
    [
        (WEB, 3, 'sockets: there is no socket "http"', "write [socket.http]"),
        (SOCKET + WEB.replace('"http"', '"htpp"'), 5, 'sockets: there is no socket "htpp"',
         'did you mean "http"?'),
        (SOCKET + WEB.replace('"http"', '"http", "http"'), 5, 'sockets: "http" is there twice',
         "leave one out"),
        (SOCKET + WEB + "ready = { fd = 3 }\n", 6, "ready: descriptor 3 is one of its sockets",
         "write ready = { fd = 4 }"),
        (SOCKET + WEB + 'stdin = "socket:x"\n', 6, 'stdin: there is no socket "x"',
         "known here: http"),
        (SOCKET + WEB + 'stdin = "x"\n', 6, 'stdin: "x" is no stdin', 'write "null"'),
        (WEB.replace('sockets = ["http"]', "on_demand = true"), 3,
         "on_demand: there is no socket whose first connection could start it",
         "write sockets = [...], too"),
        (SOCKET + WEB + 'idle_exit = "5m"\n', 6, "idle_exit: nothing would start it again",
         "write on_demand = true, too"),
        ("[socket.http]\n" + WEB, 1, 'socket "http" listens nowhere', 'write "127.0.0.1:8080"'),
        ('[socket.http]\nlisten = ":x"\n' + WEB, 2, 'listen: cannot listen at ":x"', "write"),
        ('[socket.http]\nlisten = ":0"\n' + WEB, 2, 'listen: cannot listen at ":0"', "write"),
        ('[socket.http]\nlisten = "unix:"\n' + WEB, 2, 'listen: "unix:" names no socket', "write"),
        ('[socket.http]\nlisten = "[::1:80"\n' + WEB, 2,
         'listen: cannot listen at "[::1:80": a bracket is not closed', "write"),
        ('[socket.http]\nlisten = "/' + "x" * 107 + '"\n' + WEB, 2, 'listen: "/xxx',
         'write "/run/app.sock"'),
        (SOCKET + 'mode = "0600"\n' + WEB, 3, "mode: it is for a Unix socket", "leave it out"),
        (SOCKET + "backlog = 0\n" + WEB, 3, "backlog: 0 is no whole number from 1", ""),
        ('[socket.http]\nlisten = "/x"\nreuse_port = true\n' + WEB, 3, "reuse_port: it is for a",
         "leave it out"),
        (SOCKET + SOCKET.replace("http", "too") + WEB.replace('"http"', '"http", "too"'), 4,
         'listen: socket "http" is there already', "let programs share that one"),
        ('[socket."a b"]\nlisten = ":1"\n' + WEB + SOCKET, 1, '"a b" cannot be a name', "spaces"),
        (SOCKET + "x = 1\n" + WEB, 3, 'unknown key "x" in [socket.http]', ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_socket_is_said_at_its_line(tmp_path, text, line, message, fix):
    found = faults_in(tmp_path, text)
    assert len(found) == 1, found
    where, said, hint = found[0]
    assert (where, said[: len(message)]) == (line, message)
    assert fix in hint


def test_who_is_started_on_demand_is_not_started_at_boot_unless_that_is_said_too(tmp_path):
    text = SOCKET + WEB + 'on_demand = true\nidle_exit = "5m"\n'
    (process,) = plan_of(tmp_path, text).processes
    assert (process.on_demand, process.idle_exit, process.autostart) == (True, 300.0, False)
    (process,) = plan_of(tmp_path, text + "autostart = true\n").processes
    assert process.autostart


def test_a_fastcgi_program_may_be_started_on_demand(tmp_path):
    text = SOCKET + '[program.f]\ncommand = "x"\nstdin = "socket:http"\non_demand = true\n'
    (process,) = plan_of(tmp_path, text).processes
    assert process.on_demand


def test_sockets_of_defaults_that_are_not_there_are_a_fault_of_defaults(tmp_path):
    text = '[defaults]\nsockets = ["x"]\n[program.a]\ncommand = "x"\n[program.b]\ncommand = "x"\n'
    found = faults_in(tmp_path, text)
    assert {line for line, _, _ in found} == {2}


def test_a_socket_that_two_files_have_is_a_fault_of_the_second(tmp_path):
    (tmp_path / "more.toml").write_text(SOCKET)
    path = written(tmp_path, 'include = ["more.toml"]\n' + SOCKET.replace("8080", "80") + WEB)
    ((file, line, text, fix),) = faults_of(path)
    assert (file, line, text) == ("more.toml", 1, 'socket "http" is there twice')
    assert fix == "leave one out"


def test_another_file_may_have_the_sockets(tmp_path):
    (tmp_path / "more.toml").write_text(SOCKET)
    plan = plan_of(tmp_path, 'include = ["more.toml"]\n' + WEB)
    assert plan.processes[0].places == ("tcp::8080",)
    assert os.path.exists(tmp_path / "more.toml")
