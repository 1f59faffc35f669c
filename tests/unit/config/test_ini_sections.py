"""Corners of the sections: what they warn of, what they refuse, and what is left as it was."""

import os
import posix
import pwd

import pytest
from configs import ENVIRON, written

from pyinit.config.ini_convert import convert
from pyinit.config.load import load
from pyinit.config.problems import ConfigErrors
from pyinit.core.plan import LogPlan, Sink

MAIN = "[supervisord]\nnodaemon=true\n"


def plan_of(directory, text, environ=ENVIRON, **more):
    return load([written(directory, text, "supervisord.conf")], environ, **more)


def told(directory, text, **more):
    """Return the warnings without their file."""
    place = f"{directory}/supervisord.conf:"
    return [text.replace(place, "") for text in plan_of(directory, text, **more).warnings]


def faults(directory, text, **more):
    with pytest.raises(ConfigErrors) as caught:
        plan_of(directory, text, **more)
    return [(each.line, each.message.partition(" in section '")[0]) for each in caught.value.errors]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[group:g]\n", "3: [group:g] has no programs\n  write programs = one,two"),
        ("[program:a]\ncommand=a\nstdout_logfile=syslog\n",
         ("5: For [program:a], stdout_logfile=syslog but this is deprecated.\n"
         "  Use stdout_syslog=true instead.")),
        ("[program:a]\ncommand=a\nstdout_logfile_maxbytes=0\n",
         ("5: For [program:a], AUTO logging used for stdout without rollover\n"
         "  set it > 0: the file grows for ever")),
        ("[program:a]\ncommand=a\nredirect_stderr=1\nstderr_logfile=/x\n",
         ("6: For [program:a], redirect_stderr=true but stderr_logfile has also been set to a "
         "filename, the filename has been ignored\n  leave one of them out")),
        ("[eventlistener:l]\ncommand=l\nevents=EVENT\nresult_handler=a:b\n",
         ("6: [eventlistener:l]: the handler a:b is not called: OK is success, all else is not\n"
         "  leave it out, or judge in the listener")),
        ("logfile=syslog\n", ("3: pyinit's own log does not go to syslog: it is written to stdout\n"
         "  write logfile = /path, or leave it out")),
        ("directory=/srv\n", ("3: directory means nothing with nodaemon=true, as in supervisord\n"
         "  write directory in the programs")),
        ("[ctlplugin:x]\n", ("3: [ctlplugin:x]: plugins of supervisorctl are not available here\n"
         "  leave the section out")),
        ("[rpcinterface:x]\nsupervisor.rpcinterface_factory=a:b\n",
         ("4: [rpcinterface:x]: a:b is not available here: its methods will be missing\n"
         "  leave the section out")),
        ("[supervisorctl:x]\n", "3: unknown section [supervisorctl:x]\n  write [supervisorctl]"),
        ("pidfile=/proc/nowhere/x.pid\n",
         ("3: the pidfile cannot be written: /proc is not writable\n"
         "  write pidfile = /tmp/supervisord.pid")),
    ],
)  # fmt: skip
def test_what_is_odd_is_told_once(tmp_path, text, warning, monkeypatch):
    monkeypatch.setattr(posix, "access", lambda path, _mode: path != "/proc")
    assert told(tmp_path, MAIN + text) == [warning]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[group:a b]\nprograms=x\n", [(3, "Invalid name: 'a b' because of character: ' '")]),
        (("[program:a]\ncommand=a\n[fcgi-program:a]\ncommand=a\nsocket=tcp://127.0.0.1:1\n"
         "[group:g]\nprograms=a\n"),
         [(5, "there is a process 'a' already"),
          (9, "[group:g] name a is ambiguous (exists as program and fcgi-program)")]),
        ("[eventlistener:l]\ncommand=l\nevents=EVENT\nbuffer_size=0\nredirect_stderr=true\n",
         [(6, "[eventlistener:l] section sets invalid buffer_size (0)"),
          (7, ("[eventlistener:l] section sets redirect_stderr=true but this is not allowed "
              "because it will interfere with the eventlistener protocol"))]),
        ("[fcgi-program:f]\ncommand=f\nsocket=unix://x\n",
         [(5, "Unix socket path x is not an absolute path in [fcgi-program:f] socket")]),
        ("[fcgi-program:f]\ncommand=f\nsocket=tcp://127.0.0.1:1\nsocket_mode=0700\n",
         [(6, ("socket_owner and socket_mode params should only be used with a Unix domain socket "
              "in [fcgi-program:f] socket"))]),
        ("[fcgi-program:f]\ncommand=f\nsocket=unix:///x\nsocket_backlog=70000\n",
         [(6, "Invalid socket_backlog value 70000")]),
        ("[program:a]\ncommand=a\nnumprocs=20000\nprocess_name=%(process_num)d\n",
         [(5, "20000 processes are too many")]),
        ("[inet_http_server]\nport=127.0.0.1:1\nusername=\npassword=x\n",
         [(5, "[inet_http_server]: the username is empty")]),
        ("[pyinit]\nexit=main:x\n", [(4, 'there is no program "x"')]),
        ("[pyinit]\nlimits_nofle=1\n", [(4, 'there is no limit "nofle"')]),
        ("[pyinit]\ncontrol_allow=root\n", [(4, '"root" grants nothing')]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(tmp_path, text, expected):
    assert faults(tmp_path, MAIN + text) == expected


def test_a_socket_has_the_owner_that_is_written(tmp_path):
    text = f"{MAIN}[fcgi-program:f]\ncommand=f\nsocket=unix:///x\nuser=nobody\nsocket_owner=5:6\n"
    (socket,) = plan_of(tmp_path, text).sockets
    assert (socket.uid, socket.gid, socket.mode) == (5, 6, 0o700)


def test_a_socket_is_one_for_all_groups_of_its_program(tmp_path):
    text = f"""{MAIN}[fcgi-program:f]
command=f
socket=unix:///run/%(program_name)s
[group:a]
programs=f
[group:b]
programs=f
"""
    plan = plan_of(tmp_path, text)
    assert [socket.listen for socket in plan.sockets] == ["unix:/run/f"]
    assert {one.launch.stdin for one in plan.processes} == {"socket:f"}


def test_as_a_daemon_its_directory_and_mask_are_those_of_the_programs(tmp_path):
    text = "[supervisord]\ndirectory=/srv\numask=027\n[program:a]\ncommand=a\nstdout_logfile=x\n"
    (process,) = plan_of(tmp_path, text).processes
    assert (process.launch.directory, process.launch.umask) == ("/srv", 0o27)
    assert process.launch.stdout == (Sink("file", "/srv/x"),)


def test_temporary_files_are_where_the_environment_says(tmp_path):
    text = f"{MAIN}[program:a]\ncommand=a\n"
    environ = {**ENVIRON, "TMPDIR": "/no/such", "TEMP": str(tmp_path)}
    (process,) = plan_of(tmp_path, text, environ).processes
    assert process.launch.stdout[0] == Sink("auto", str(tmp_path))


def test_its_own_stdout_as_a_log_needs_no_echo(tmp_path):
    log = plan_of(tmp_path, f"{MAIN}logfile=/dev/fd/1\n").init.log
    assert log == LogPlan(file="/dev/fd/1")


def test_a_pidfile_that_is_thrown_away_is_none(tmp_path):
    assert plan_of(tmp_path, f"{MAIN}pidfile=/dev/null\n").init.pidfile is None
    new = f"{tmp_path}/a/b/c.pid"
    assert plan_of(tmp_path, f"{MAIN}pidfile={new}\n").init.pidfile == new


def test_a_directory_that_is_gone_is_the_root(tmp_path, monkeypatch):
    path = written(tmp_path, f"{MAIN}[program:a]\ncommand=a\nstdout_logfile=x\n", "s.conf")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    (process,) = load([path], ENVIRON).processes
    assert process.launch.stdout[0].path == "/x"


def test_root_is_only_who_was_it(tmp_path, monkeypatch):
    monkeypatch.setattr(posix, "geteuid", lambda: 0)
    assert plan_of(tmp_path, f"{MAIN}user=root\n").warnings == ()
    monkeypatch.setattr(posix, "geteuid", lambda: 65534)
    plan = plan_of(tmp_path, f"{MAIN}user=root\n")
    assert plan.init.uid is None
    assert "user=root, but pyinit does not run as root" in plan.warnings[0]


def test_limits_that_ask_for_nothing_are_none(tmp_path):
    assert plan_of(tmp_path, f"{MAIN}minfds=0\nminprocs=-1\n").init.limits == ()


def test_the_gateway_may_have_a_certificate(tmp_path):
    text = f"{MAIN}[inet_http_server]\nport=127.0.0.1:1\n[pyinit]\ntls_cert=/c\ntls_key=k\n"
    web = plan_of(tmp_path, text).web
    assert (web.tls_cert, web.tls_key) == ("/c", os.path.join(os.getcwd(), "k"))
    assert plan_of(tmp_path, f"{MAIN}[pyinit]\ntls_cert=/c\n").web is None


def test_the_rest_of_the_sections_is_converted_too(tmp_path):
    text = f"""{MAIN}user=nobody
loglevel=debug
[unix_http_server]
file=/run/a
chmod=0770
chown=5:6
[unix_http_server:b]
file=/run/b
[program:a]
command=a
process_name=other
stopsignal=64
stdout_logfile_maxbytes=100
childlogdir=x
stdout_logfile=/log
[program:o-2]
command=a
[pyinit]
drain_delay=1s
limits_core=unlimited
limits_nproc=10:20
limits_stack=max
limits_unmet=warn
log_format=json
idle_exit=9s
tls_cert=/c
tls_key=/k
"""
    found = convert([written(tmp_path, text, "s.conf")], ENVIRON).text
    for line in (
        'user = "nobody"',
        "drain_delay = 1",
        'limits = { core = "unlimited", nproc = "10:20", stack = "max" }',
        'limits_unmet = "warn"',
        'log = { level = "debug", format = "json" }',
        'listen = ["unix:/run/a", "unix:/run/b"]',
        'mode = "0770"',
        'owner = "5:6"',
        "rpc = false",
        "idle_exit = 9",
        'tls_cert = "/c"',
        "stop = { signal = 64 }",
        'stdout = { file = "/log", max_size = 100 }',
    ):
        assert line in found.splitlines(), line
    assert "[program:a]: the process is called a, no more other" in found
    assert "[web] has one mode and owner for all of its sockets" in found


def test_the_user_of_a_program_is_written_as_it_was(tmp_path):
    text = f"{MAIN}[program:a]\ncommand=a\nuser=nobody\n"
    found = convert([written(tmp_path, text, "s.conf")], ENVIRON)
    assert 'user = "nobody"' in found.text
    assert any("HOME, USER and LOGNAME follow" in note for note in found.notes)
    new = load([written(tmp_path, found.text, "new.toml")], ENVIRON)
    assert new.processes[0].launch.uid == pwd.getpwnam("nobody").pw_uid


def test_of_very_many_unknown_options_the_last_are_told_without_a_suggestion(tmp_path):
    lines = "".join([f"autostrat{number}=1\n" for number in range(250)])
    warnings = told(tmp_path, f"{MAIN}[program:a]\ncommand=a\n{lines}")
    assert len(warnings) == 250
    assert warnings[0].endswith('did you mean "autostart"?')
    assert warnings[-1] == '254: unknown option "autostrat249" in [program:a]'
