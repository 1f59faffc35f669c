"""convert: the new file makes the plan of the old one, and says where it cannot."""

import base64
import hashlib
import os
import posix
import sys
from pathlib import Path

import pytest
from configs import ENVIRON, written

from pyinit.config.ini_convert import convert
from pyinit.config.load import load
from pyinit.config.problems import ConfigErrors
from pyinit.core.record import replace

MAIN = "[supervisord]\nnodaemon=true\n"
WILD = sorted((Path(__file__).resolve().parent / "wild").glob("*.conf"))
MORE = {
    "START": "true",
    "PROFILE": "prod",
    "RESOLUTION": "1024x768x24",
    "QUEUE_SLEEP": "3",
    "QUEUE_TRIES": "5",
    "QUEUE_WORKERS": "4",
    "QUEUE_TIMEOUT": "60",
    "HOSTNAME": posix.uname().nodename,
}
ACCOUNT = ("HOME", "USER", "LOGNAME")


def both(tmp_path, path, environ):
    """Return the plan of a supervisord file, that of its conversion, and the conversion."""
    found = convert([path], environ)
    new = written(tmp_path, found.text.replace("\\", "\\"), "new.toml")
    return load([path], environ), load([new], environ), found


def sayable(plan):
    return [one for one in plan.processes if one.pool is None]


def stream(sinks):
    """Return what matters of where a stream goes."""
    for sink in sinks:
        if sink.kind == "file":
            return (sink.path, sink.max_size, sink.max_files)
    kinds = {sink.kind for sink in sinks}
    if kinds & {"inherit", "copy", "syslog"}:
        return "pyinit's own"
    return kinds


def what_matters(process):
    launch = process.launch
    env = {
        name: value
        for name, value in launch.env
        if not name.startswith("SUPERVISOR_") and (name not in ACCOUNT or launch.uid is None)
    }
    auto = [sink.kind for sink in (*launch.stdout, *launch.stderr) if sink.kind == "auto"]
    alone = auto and "copy" not in [sink.kind for sink in (*launch.stdout, *launch.stderr)]
    return {
        "argv": launch.argv,
        "directory": launch.directory,
        "umask": launch.umask,
        "user": (launch.uid, launch.gid, launch.groups),
        "env": env,
        "group": (process.group, process.group_priority, process.priority),
        "autostart": process.autostart,
        "restart": (process.restart.policy, process.restart.retries),
        "success_codes": process.success_codes,
        "start_s": process.start_s,
        "stop": process.stop,
        "socket": launch.stdin if launch.stdin.startswith("socket:") else "",
        "output": None if alone else (stream(launch.stdout), stream(launch.stderr)),
    }


def own(init):
    log = init.log
    return {
        "exit": init.exit,
        "order": (init.stop_order, init.stop_budget, init.drain_delay),
        "limits": (init.limits, init.limits_unmet),
        "user": (init.uid, init.gid, init.groups),
        "pidfile": init.pidfile,
        "log": (
            log.level,
            log.format,
            None if (log.file or "/dev").startswith("/dev") else log.file,
        ),
    }


@pytest.mark.parametrize("path", WILD, ids=lambda path: path.stem)
def test_the_new_file_makes_the_same_plan(tmp_path, path):
    old, new, found = both(tmp_path, str(path), {**ENVIRON, **MORE})
    theirs = [what_matters(one) for one in sayable(old)]
    ours = [what_matters(one) for one in new.processes]
    for their, our in zip(theirs, ours, strict=True):
        if their["output"] is None:
            our["output"] = None
        assert our == their
    assert own(new.init) == own(old.init)
    left_out = [note for note in found.notes if "left out" in note]
    assert bool(left_out) == (len(theirs) < len(old.processes) or doors(old) != doors(new))


def doors(plan):
    return len(plan.web.doors) if plan.web else 0


def test_variables_stay_variables(tmp_path):
    text = f"""{MAIN}environment=BASE="%(ENV_ROOT)s"
[program:web]
command=web --port=%(ENV_PORT)s %(ENV_OPTIONS)s '%(ENV_TITLE)s' $HOME ${{X}} --db %(ENV_DB:-none)s
directory=%(ENV_ROOT)s/web
environment=PASSWORD="%(ENV_PASSWORD)s",AT="%(host_node_name)s"
numprocs=%(ENV_COUNT)s
process_name=%(program_name)s_%(process_num)d
stdout_logfile=%(ENV_ROOT)s/log/%(program_name)s.log
"""
    environ = {
        **ENVIRON,
        "ROOT": "/srv",
        "PORT": "80",
        "OPTIONS": "-a -b",
        "TITLE": "a b",
        "PASSWORD": "hush",
        "COUNT": "2",
        "HOSTNAME": posix.uname().nodename,
    }
    path = written(tmp_path, text, "supervisord.conf")
    old, new, found = both(tmp_path, path, environ)
    assert "hush" not in found.text
    assert 'directory = "${ROOT}/web"' in found.text
    assert "instances = 2" in found.text
    assert [what_matters(one) for one in new.processes] == [
        what_matters(one) for one in old.processes
    ]
    assert new.processes[0].launch.argv[1:5] == ("--port=80", "-a", "-b", "a b")
    environ |= {"PORT": "81", "ROOT": "/other", "DB": "it"}
    later = load([f"{tmp_path}/new.toml"], environ)
    assert later.processes[0].launch.argv[1] == "--port=81"
    assert later.processes[0].launch.argv[-1] == "it"
    assert later.processes[0].launch.directory == "/other/web"


def test_a_variable_that_is_not_set_need_not_be(tmp_path):
    path = written(tmp_path, f"{MAIN}[program:a]\ncommand=a %(ENV_UNSET)s\n", "s.conf")
    assert '"a ${UNSET}"' in convert([path], ENVIRON).text
    path = written(tmp_path, f"{MAIN}[program:a]\ncommand=a\nnumprocs=%(ENV_UNSET)s\n", "s.conf")
    with pytest.raises(ConfigErrors):
        convert([path], ENVIRON)


def test_a_password_is_salted_and_hashed(tmp_path):
    text = f"{MAIN}[inet_http_server]\nport=9001\nusername=admin\npassword=hush\n"
    _, new, found = both(tmp_path, written(tmp_path, text, "s.conf"), ENVIRON)
    assert "hush" not in found.text
    (door,) = new.web.doors
    assert (door.listen, door.username) == ("tcp:0.0.0.0:9001", "admin")
    data = base64.b64decode(door.password.removeprefix("{SSHA256}"))
    assert data[:32] == hashlib.sha256(b"hush" + data[32:]).digest()


def test_where_there_is_no_hash_the_password_becomes_a_variable(tmp_path, monkeypatch):
    text = f"{MAIN}[inet_http_server]\nport=9001\nusername=admin\npassword=hush\n"
    monkeypatch.setitem(sys.modules, "hashlib", None)
    found = convert([written(tmp_path, text, "s.conf")], ENVIRON)
    assert "hush" not in found.text
    assert 'password = "${PYINIT_WEB_PASSWORD}"' in found.text
    assert any("PYINIT_WEB_PASSWORD" in note for note in found.notes)


def test_a_door_for_everybody_says_that_it_is_insecure(tmp_path):
    text = f"{MAIN}[inet_http_server]\nport=9001\n"
    _, new, found = both(tmp_path, written(tmp_path, text, "s.conf"), ENVIRON)
    assert new.web.doors[0].password == ""
    assert "insecure = true" in found.text
    assert any("insecure" in note for note in found.notes)


def test_fastcgi_programs_have_their_sockets(tmp_path):
    text = f"""{MAIN}[fcgi-program:f]
command=/bin/f
socket=unix:///run/%(program_name)s.sock
socket_owner=5:6
socket_mode=0770
socket_backlog=7
numprocs=2
process_name=%(program_name)s%(process_num)d
[fcgi-program:t]
command=/bin/t
socket=tcp://localhost:9000
"""
    old, new, found = both(tmp_path, written(tmp_path, text, "s.conf"), ENVIRON)
    assert [replace(one, kept=False) for one in new.sockets] == list(old.sockets)
    assert {one.launch.stdin for one in new.processes} == {"socket:f", "socket:t"}
    places = {one.launch.stdin: one.places for one in new.processes}
    assert places["socket:f"] == ("unix:/run/f.sock",)
    assert new.warnings == ()
    assert any("open from the start on" in note for note in found.notes)


def test_a_socket_whose_place_is_in_a_variable_is_where_it_is_today(tmp_path):
    text = f"{MAIN}[fcgi-program:f]\ncommand=f\nsocket=unix://%(ENV_DIR)s/f.sock\n"
    path = written(tmp_path, text, "s.conf")
    _, new, _ = both(tmp_path, path, {**ENVIRON, "DIR": "/run/there"})
    assert new.sockets[0].listen == "unix:/run/there/f.sock"


def test_what_toml_cannot_say_is_told_in_the_file_and_beside_it(tmp_path):
    text = f"""{MAIN}[eventlistener:l]
command=l
events=TICK_5
[program:all]
command=a
stdout_syslog=true
stdout_events_enabled=true
"""
    found = convert([written(tmp_path, text, "s.conf")], ENVIRON)
    for note in (
        "[eventlistener:l]: event listeners need a supervisord file: left out",
        '"all" is called "all_": the other name is taken or no name',
        "[program:all]: no events of its stdout: there are no listeners",
    ):
        assert note in found.notes
        assert f"# - {note}" in found.text
    assert "[program.all_]" in found.text


def test_what_is_toml_already_is_not_converted(tmp_path):
    path = written(tmp_path, '[program.a]\ncommand = [\n"a",\n]\n', "c.toml")
    with pytest.raises(ConfigErrors) as caught:
        convert([path], ENVIRON)
    assert str(caught.value).splitlines() == [
        f"{path}: it is TOML, no file of supervisord's",
        f"    pyinit -c {path} reads it",
    ]
    path = written(tmp_path, f"{MAIN}[program:a]\ncommand = a\n", "s.toml")
    assert "[program.a]" in convert([path], ENVIRON).text


def test_names_that_toml_programs_and_groups_cannot_have_are_changed(tmp_path):
    text = f"{MAIN}[program:a,b]\ncommand=a\n[group:all]\nprograms=c\n[program:c]\ncommand=c\n"
    text += "[program:d+]\ncommand=d\n"
    _, new, found = both(tmp_path, written(tmp_path, text, "s.conf"), ENVIRON)
    assert [(one.name, one.group) for one in new.processes] == [
        ("c", "all_"),
        ("a_b", "a_b"),
        ("d+_", "d+_"),
    ]
    assert 'the group "all" is called "all_": the other is no name' in found.notes


def test_a_program_of_two_groups_becomes_two_programs(tmp_path):
    text = f"{MAIN}[program:a]\ncommand=a\n[group:one]\nprograms=a\npriority=5\n[group:two]\nprograms=a\n"
    _, new, _ = both(tmp_path, written(tmp_path, text, "s.conf"), ENVIRON)
    assert [(one.name, one.group, one.group_priority) for one in new.processes] == [
        ("a", "one", 5),
        ("two-a", "two", 999),
    ]


def test_each_program_has_the_place_it_came_from(tmp_path):
    path = written(tmp_path, f"{MAIN}[program:a]\ncommand=a\n", "s.conf")
    assert f"# [program:a] of {path}:3\n[program.a]\n" in convert([path], ENVIRON).text


def test_the_name_of_a_file_stays_in_its_comment(tmp_path):
    """Whatever is in it: a line of its own would be one of the configuration."""
    path = written(tmp_path, f"{MAIN}[program:a]\ncommand=a\n", "s\n[init]\x08.conf")
    _, new, found = both(tmp_path, path, ENVIRON)
    assert [one.name for one in new.processes] == ["a"]
    assert "/s\\n[init]\\x08.conf:3\n[program.a]\n" in found.text


def test_a_bad_file_is_not_converted(tmp_path):
    path = written(tmp_path, f"{MAIN}[program:a]\nstartsecs=x\n", "s.conf")
    with pytest.raises(ConfigErrors) as caught:
        convert([path], ENVIRON)
    assert f"{path}:3: program section program:a does not specify a command" in str(caught.value)
    assert os.path.exists(path)
