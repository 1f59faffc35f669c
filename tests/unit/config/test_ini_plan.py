"""supervisord's files and the plan they make: semantics, warnings, and faults with their place."""

import os
import pwd
import textwrap

import pytest
from configs import ENVIRON, written

from pyinit.config.ini_convert import convert
from pyinit.config.ini_show import shown
from pyinit.config.load import load
from pyinit.config.problems import ConfigErrors
from pyinit.core.plan import DOOR, Channel, Limit, LogPlan, Pool, Restart, Sink, Stop
from pyinit.core.plan_listen import Door, SocketPlan

MAIN = "[supervisord]\nnodaemon=true\n"
EXAMPLE = """\
# the configuration of a container, as it has grown
[unix_http_server]
file=/var/run/supervisor.sock   ; (the path to the socket file)
chmod=0777                       ; sockef file mode (default 0700)
chown=root:root                  # who may

[inet_http_server]
port=9001 ; on every interface
username=admin # the one who may
password=secret-of-the-door

[supervisord]
logfile=/var/log/supervisord/supervisord.log ; (main log file;default $CWD/supervisord.log)
logfile_maxbytes=10MB
pidfile=/tmp/supervisord.pid
childlogdir=/var/log/supervisord            ; ('AUTO' child log dir, default $TEMP)
minfds=1024
minprocs=200 # default
user=root
nodaemon=true

; the rpcinterface must be there
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///var/run/supervisor.sock ; use a unix:// URL  for a unix socket

[program:service]
command=/usr/bin/service --listen :8080 ; the program
autostart=true
startsecs=5     ; must stay up so long
user=root
redirect_stderr=true
# its output
stdout_logfile=/var/log/service.log
"""


def plan_of(directory, text, environ=ENVIRON, **more):
    return load([written(directory, text, "supervisord.conf")], environ, **more)


def one_of(directory, lines, **more):
    text = f"{MAIN}[program:web]\ncommand=/bin/web\n{textwrap.dedent(lines)}"
    (process,) = plan_of(directory, text, **more).processes
    return process


def faults_in(directory, text, environ=ENVIRON, **more):
    path = written(directory, text, "supervisord.conf")
    try:
        plan = load([path], environ, **more)
    except ConfigErrors as errors:
        return [(each.line, each.message, each.fix) for each in errors.errors]
    raise AssertionError(f"there is no fault: {plan}")


def fault_in(directory, text, **more):
    (found,) = faults_in(directory, text, **more)
    return found


def program_fault(directory, lines):
    line, text, fix = fault_in(directory, f"{MAIN}[program:web]\ncommand=/bin/web\n{lines}\n")
    where = f" in section 'program:web' (file: '{directory}/supervisord.conf')"
    assert text.endswith(where)
    return line - 4, text.removesuffix(where), fix


def test_a_file_as_images_have_it_runs_unchanged(tmp_path):
    plan = plan_of(tmp_path, EXAMPLE)
    init, (service,) = plan.init, plan.processes
    assert init.exit == "never"
    assert init.limits == (Limit("nofile", 1024, least=True), Limit("nproc", 200, least=True))
    assert (init.uid, init.gid, init.groups) == (None, None, None)  # root it is already
    assert init.log == LogPlan(
        file="/var/log/supervisord/supervisord.log", max_size=10 << 20, echo=True
    )
    assert init.signals == ((1, "restart"), (12, "reopen"))
    assert (init.stop_order, init.stop_budget) == ("groups", 15.0)
    assert init.pidfile == "/tmp/supervisord.pid"
    assert plan.web.rpc
    assert plan.web.doors == (
        Door("tcp:0.0.0.0:9001", username="admin", password="secret-of-the-door"),
        Door("unix:/var/run/supervisor.sock", 0o777, 0, 0),
    )
    assert (service.key, service.name, service.group) == ("service:0", "service", "service")
    assert service.launch.argv == ("/usr/bin/service", "--listen", ":8080")
    assert service.command == "/usr/bin/service --listen :8080"
    assert (service.start_s, service.restart) == (5.0, Restart("on-failure", retries=3))
    assert service.launch.stdout == (Sink("file", "/var/log/service.log"),)
    assert service.launch.stderr == (Sink("stdout"),)
    assert service.launch.stdin == "pipe"
    assert not service.launch.session
    assert dict(service.launch.env) == {
        "SUPERVISOR_ENABLED": "1",
        "SUPERVISOR_SERVER_URL": "unix:///var/run/supervisor.sock",
        "SUPERVISOR_PROCESS_NAME": "service",
        "SUPERVISOR_GROUP_NAME": "service",
    }
    (warning,) = plan.warnings
    assert warning.startswith(f"{tmp_path}/supervisord.conf:4: [unix_http_server]: mode 0777")


def test_every_option_of_a_program_arrives(tmp_path):
    process = one_of(
        tmp_path,
        """\
        directory=/srv
        umask=027
        priority=5
        autostart=false
        startsecs=0
        startretries=9
        autorestart=true
        exitcodes=0,7
        stopsignal=SIGINT
        stopwaitsecs=33
        killasgroup=true
        user=nobody
        environment=A="1",PATH=/opt/bin
        stdout_logfile=/log/out
        stdout_logfile_maxbytes=1 KB
        stdout_logfile_backups=3
        stderr_logfile=NONE
        stderr_syslog=true
        stdout_events_enabled=true
        stderr_capture_maxbytes=2mb
        serverurl=http://other:1
        """,
    )
    nobody = pwd.getpwnam("nobody")
    launch = process.launch
    assert (launch.directory, launch.umask) == ("/srv", 0o27)
    assert (process.priority, process.group_priority, process.autostart) == (5, 5, False)
    assert (process.start_s, process.success_codes) == (0.0, (0, 7))
    assert process.restart == Restart("always", retries=9)
    assert process.stop == Stop((2,), 33.0, "process", 0, "group")
    assert (launch.uid, launch.gid) == (nobody.pw_uid, nobody.pw_gid)
    assert "HOME" not in dict(launch.env)
    assert dict(launch.env)["PATH"] == "/opt/bin"
    assert dict(launch.env)["SUPERVISOR_SERVER_URL"] == "http://other:1"
    assert launch.stdout == (Sink("file", "/log/out", 1024, 3),)
    assert launch.stderr == (Sink("syslog"),)
    assert launch.channels == (Channel(events=True), Channel(capture=2 << 20))


def test_what_nothing_is_said_of_is_supervisords_default(tmp_path):
    process = one_of(tmp_path, "")
    assert process.stop == Stop((15,), 10.0, "process")
    assert process.restart == Restart("on-failure", retries=3)
    auto = (Sink("auto", "/tmp"), Sink("copy"))
    assert (process.launch.stdout, process.launch.stderr) == (auto, auto)
    assert plan_of(tmp_path, MAIN).web is None


def test_stopasgroup_means_the_group_in_both(tmp_path):
    assert one_of(tmp_path, "stopasgroup=true").stop == Stop(kind_of_kill(), 10.0, "group")


def kind_of_kill():
    return (15,)


def test_auto_files_are_in_childlogdir_and_nowhere_else(tmp_path):
    text = "[supervisord]\nchildlogdir=logs\nstrip_ansi=true\n[program:a]\ncommand=a\n"
    (process,) = plan_of(tmp_path, text).processes
    assert process.launch.stdout == (Sink("auto", f"{os.getcwd()}/logs"),)
    assert process.launch.channels[0].strip_ansi


@pytest.mark.parametrize(
    ("lines", "stdout", "stderr"),
    [
        ("stdout_logfile=/dev/stdout\nstderr_logfile=/dev/stderr", "inherit", "inherit"),
        ("stdout_logfile=/proc/1/fd/1\nstderr_logfile=/dev/fd/1", "inherit", "stdout"),
        ("stdout_logfile=/dev/stdout\nstdout_events_enabled=1\nstderr_logfile=off", "copy", "null"),
        ("stdout_logfile=/dev/null\nstderr_logfile=none", "null", "null"),
        ("redirect_stderr=true\nstdout_logfile=/dev/stdout", "inherit", "stdout"),
        ("stdout_logfile=\nstderr_logfile=", "null", "null"),
    ],
)
def test_pyinits_own_streams_are_never_opened(tmp_path, lines, stdout, stderr):
    launch = one_of(tmp_path, lines).launch
    assert [sink.kind for sink in launch.stdout] == [stdout]
    assert [sink.kind for sink in launch.stderr] == [stderr]


def test_a_stream_may_go_to_pyinits_other_one(tmp_path):
    lines = "stdout_logfile=/dev/stderr\nstderr_logfile=/dev/fd/1\n"
    launch = one_of(tmp_path, lines).launch
    assert launch.stdout == (Sink("copy", "stderr"),)
    assert launch.stderr == (Sink("copy", "stdout"),)
    launch = one_of(tmp_path, "stdout_logfile=/x\nstderr_logfile=/dev/stdout\n").launch
    assert launch.stderr == (Sink("copy", "stdout"),)


def test_a_log_file_is_expanded_twice(tmp_path):
    launch = one_of(tmp_path, "stdout_logfile=/a%%%%b\nenvironment=X='%%(here)s'").launch
    assert launch.stdout[0].path == "/a%b"
    assert dict(launch.env)["X"] == "%(here)s"


def test_processes_are_named_and_numbered(tmp_path):
    text = f"""{MAIN}[program:web]
command=web --port 80%(process_num)02d
process_name=%(program_name)s-%(process_num)d
numprocs=2
numprocs_start=3
"""
    plan = plan_of(tmp_path, text)
    assert [process.name for process in plan.processes] == ["web:web-3", "web:web-4"]
    assert [process.key for process in plan.processes] == ["web:3", "web:4"]
    assert plan.processes[1].launch.argv[-1] == "8004"
    assert dict(plan.processes[1].launch.env)["SUPERVISOR_PROCESS_NAME"] == "web-4"


def test_groups_hold_their_programs_and_their_priority(tmp_path):
    text = f"""{MAIN}[group:both]
programs=a,b
priority=7
[group:again]
programs=a
[program:a]
command=a
priority=3
[program:b]
command=b
[program:both]
command=c
"""
    plan = plan_of(tmp_path, text)
    assert [(one.name, one.key, one.group, one.group_priority, one.priority) for one in plan.processes] == [
        ("both:a", "a:0", "both", 7, 3),
        ("both:b", "b:0", "both", 7, 999),
        ("again:a", "again/a:0", "again", 999, 3),
        ("both", "both:0", "both", 999, 999),
    ]  # fmt: skip


def test_the_shutdown_may_take_as_long_as_all_groups_after_each_other(tmp_path):
    text = f"""{MAIN}[program:a]\ncommand=a\nstopwaitsecs=20\n[program:b]\ncommand=b
[program:c]\ncommand=c\n[group:g]\nprograms=b,c\n"""
    assert plan_of(tmp_path, text).init.stop_budget == 20 + 10 + 5


def test_listeners_are_pools_that_start_first(tmp_path):
    text = f"{MAIN}[eventlistener:l]\ncommand=l\nevents=tick_5, PROCESS_STATE\nbuffer_size=50\n"
    (process,) = plan_of(tmp_path, f"{text}stdout_events_enabled=true\n").processes
    assert process.pool == Pool(("TICK_5", "PROCESS_STATE"), 50)
    assert (process.group_priority, process.priority) == (-1, 999)
    assert process.launch.channels[0] == Channel()
    (process,) = plan_of(tmp_path, f"{text}priority=4\n").processes
    assert (process.group_priority, process.priority) == (4, 4)


def test_a_fastcgi_program_has_its_socket_in_a_group_too(tmp_path):
    text = f"""{MAIN}[fcgi-program:f]
command=f
socket=unix:///run/%(program_name)s.sock
user=nobody
process_name=%(process_num)d
numprocs=2
[fcgi-program:t]
command=t
socket=tcp://localhost:9000
socket_backlog=5
[group:g]
programs=f
"""
    plan = plan_of(tmp_path, text)
    nobody = pwd.getpwnam("nobody")
    assert plan.sockets == (
        SocketPlan("f", "unix:/run/f.sock", 4096, 0o700, nobody.pw_uid, nobody.pw_gid, kept=False),
        SocketPlan("t", "tcp:127.0.0.1:9000", 5, kept=False),
    )
    assert {one.name: one.launch.stdin for one in plan.processes} == {
        "g:0": "socket:f",
        "g:1": "socket:f",
        "t": "socket:t",
    }


def test_the_environment_is_laid_over_that_of_supervisord(tmp_path):
    text = f"""{MAIN}environment=A="1",B="two, three",SUPERVISOR_ENABLED=0
[program:p]
command=p %(ENV_A)s %(ENV_C)s %(ENV_NAME)s
environment=B=%(ENV_A)s4,C='%(here)s'
"""
    (process,) = plan_of(tmp_path, text).processes
    env = dict(process.launch.env)
    assert (env["A"], env["B"], env["C"], env["SUPERVISOR_ENABLED"]) == (
        "1",
        "14",
        str(tmp_path),
        "0",
    )
    assert process.launch.argv == ("p", "1", str(tmp_path), "value")


def test_here_is_the_directory_of_the_file_that_says_it(tmp_path):
    written(
        tmp_path, "[program:b]\ncommand=%(here)s/b\n[supervisord]\nidentifier=b\n", "conf.d/b.ini"
    )
    written(tmp_path, "[program:a]\ncommand=%(here)s/a\n", "conf.d/a.ini")
    plan = plan_of(tmp_path, f"{MAIN}[include]\nfiles=%(here)s/conf.d/*.ini\n")
    assert [one.launch.argv[0] for one in plan.processes] == [
        f"{tmp_path}/conf.d/a",
        f"{tmp_path}/conf.d/b",
    ]
    assert plan.init.identifier == "b"
    assert plan.sources == tuple(
        f"{tmp_path}/{name}" for name in ("supervisord.conf", "conf.d/a.ini", "conf.d/b.ini")
    )


def test_what_includes_match_nothing_is_told_and_includes_do_not_nest(tmp_path):
    written(tmp_path, "[include]\nfiles=c/*.ini\n[program:b]\ncommand=b\n", "b.ini")
    written(tmp_path, "[program:c]\ncommand=c\n", "c/c.ini")
    plan = plan_of(tmp_path, f"{MAIN}[include]\nfiles = none-*.ini b.ini\n")
    assert [one.name for one in plan.processes] == ["b"]
    assert plan.warnings == (
        f'No file matches via include "{tmp_path}/none-*.ini"',
        f"{tmp_path}/b.ini:2: what an included file includes is not read",
    )


def test_a_directory_of_files_is_one_configuration(tmp_path):
    written(tmp_path, f"{MAIN}[program:a]\ncommand=a\n", "d/1.conf")
    written(tmp_path, "[program:b]\ncommand=b\n", "d/2.ini")
    written(tmp_path, "nonsense", "d/README")
    assert len(load([f"{tmp_path}/d"], ENVIRON).processes) == 2


def test_a_file_of_any_name_is_known_by_its_sections(tmp_path):
    path = written(tmp_path, f"; mine\n{MAIN}[program:a]\ncommand=a\n", "supervisor")
    assert len(load([path], ENVIRON).processes) == 1


def test_both_kinds_of_files_do_not_make_one_configuration(tmp_path):
    one = written(tmp_path, MAIN, "d/a.conf")
    two = written(tmp_path, "", "d/a.toml")
    for files in ([one, two], [f"{tmp_path}/d"]):
        with pytest.raises(ConfigErrors) as caught:
            load(files, ENVIRON)
        assert "do not make one configuration" in str(caught.value)
        assert "pyinitctl convert supervisord FILE" in str(caught.value)


def test_the_command_line_of_supervisord_goes_before_the_file(tmp_path):
    text = "[supervisord]\nloglevel=info\nminfds=5\nidentifier=file\n"
    init = plan_of(tmp_path, text, overrides=[("loglevel", "debug"), ("minfds", "7")]).init
    assert (init.log.level, init.identifier) == ("debug", "file")
    assert init.limits == (Limit("nofile", 7, least=True),)
    with pytest.raises(ConfigErrors) as caught:
        plan_of(tmp_path, text, overrides=[("loglevel", "loud")])
    assert str(caught.value).startswith("the command line: bad logging level name 'loud'")
    with pytest.raises(ConfigErrors) as caught:
        plan_of(tmp_path, "[program:a]\ncommand=a\n", overrides=[("nodaemon", "true")])
    assert ".ini file does not include supervisord section" in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "name", "log"),
    [
        ("logfile=/l", "pyinit", LogPlan(file="/l", echo=True)),
        ("logfile=/l\nsilent=true", "pyinit", LogPlan(file="/l")),
        ("logfile=/l\nloglevel=critical", "supervisord",
         LogPlan("error", "supervisord", "/l", echo=True)),
        ("", "pyinit", LogPlan()),
        ("logfile=NONE", "supervisord", LogPlan("info", "supervisord", "/dev/null", echo=True)),
        ("logfile=/dev/stdout\nlogfile_maxbytes=0", "supervisord",
         LogPlan("info", "supervisord", "/dev/stdout", 0)),
        ("logfile=/l\nlogfile_maxbytes=5KB\nlogfile_backups=0\nloglevel=trace", "pyinit",
         LogPlan("debug", "text", "/l", 5 << 10, 0, echo=True)),
    ],
)  # fmt: skip
def test_its_own_log_goes_where_supervisords_would(tmp_path, lines, name, log):
    text = f"[supervisord]\n{lines}\n"
    assert plan_of(tmp_path, text, name=name).init.log == log


def test_under_its_name_files_nobody_named_are_where_supervisord_has_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init = plan_of(tmp_path, MAIN, name="supervisord").init
    assert init.log.file == f"{tmp_path}/supervisord.log"
    assert init.pidfile == f"{tmp_path}/supervisord.pid"


def test_pyinits_own_section_says_otherwise(tmp_path):
    plan = plan_of(
        tmp_path,
        f"""{MAIN}minfds=100
[inet_http_server]
port=0.0.0.0:9001
[program:web]
command=web
[pyinit]
exit=main:web
stop_budget=8s
drain_delay=1s
limits_nofile=65536
limits_core=unlimited
limits_unmet=warn
log_format=json
control_path=/run/x.sock
control_mode=0660
control_allow=nobody:read, root:admin
insecure=true
idle_exit=30s
""",
    )
    init = plan.init
    assert (init.exit, init.stop_budget, init.drain_delay) == ("main:web", 8.0, 1.0)
    assert init.limits == (Limit("core", -1, -1), Limit("nofile", 65536))
    assert (init.limits_unmet, init.log.format) == ("warn", "json")
    assert (init.control.path, init.control.mode) == ("/run/x.sock", 0o660)
    assert init.control.allow == ((pwd.getpwnam("nobody").pw_uid, "read"), (0, "admin"))
    assert plan.web.idle_exit == 30.0
    assert plan.exit_given
    assert plan.warnings == ()


@pytest.mark.parametrize(
    ("text", "line", "message", "fix"),
    [
        ("[program:a]\ncommand=a\nstartsec=1\n", 5, 'unknown option "startsec" in [program:a]',
         'did you mean "startsecs"?'),
        ("[program:a]\ncommand=a\nlogfile=/x\n", 5,
         '"logfile" in [program:a] means nothing since supervisord 3', "write stdout_logfile"),
        ("[progam:a]\ncommand=a\n", 3, "unknown section [progam:a]", 'did you mean "program:a"?'),
        ("[program]\ncommand=a\n", 3, "unknown section [program]", "write [program:NAME]"),
        ("http_port=1\n", 3, '"http_port" in [supervisord] means nothing since supervisord 3',
         "write port in a section [inet_http_server], file in [unix_http_server]"),
        ("[include]\nfiles=\nnodaemon=1\n", 5, 'unknown option "nodaemon" in [include]',
         "it belongs in [supervisord]"),
        ("[program:a]\ncommand=a\n--more=1\n", 5, 'unknown option "--more" in [program:a]',
         "indent the line, if it goes on with the command before it"),
        ("[program:Web\n", 3, 'unknown option "[program" in [supervisord]',
         'a "]" is missing: write [program:Web]'),
        ("[DEFAULT]\nautostrat=1\n", 4, 'unknown option "autostrat" in [DEFAULT]',
         'did you mean "autostart"?'),
    ],
)  # fmt: skip
def test_what_supervisord_passes_over_is_told_and_refused_where_asked_for(
    tmp_path, text, line, message, fix
):
    plan = plan_of(tmp_path, MAIN + text)
    place = f"{tmp_path}/supervisord.conf"
    assert plan.warnings == (f"{place}:{line}: {message}\n  {fix}",)
    assert fault_in(tmp_path, MAIN + text, strict=True) == (line, message, fix)
    (found,) = faults_in(tmp_path, f"{MAIN}{text}[pyinit]\nstrict=true\n")
    assert found == (line, message, fix)


def test_a_command_that_a_comment_cuts_is_told(tmp_path):
    text = f"{MAIN}[program:a]\ncommand=sh -c 'a ; b'\n"
    plan = plan_of(tmp_path, text)
    place = f"{tmp_path}/supervisord.conf"
    cut, unparsable = plan.warnings
    assert cut.startswith(f"{place}:4: the end of command is cut off: a ; or # behind a space")
    assert unparsable.startswith(f"{place}:4: can't parse command: no closing quotation")
    assert plan.processes[0].launch.argv == ("sh -c 'a",)  # its start will fail, as supervisord's
    assert fault_in(tmp_path, text, strict=True)[0] == 4
    (warning,) = plan_of(
        tmp_path, f"{MAIN}environment=A=1 ; \"\n[program:a]\ncommand=a\nserverurl=it's ; no\n"
    ).warnings
    assert warning.startswith(f"{place}:6: the end of serverurl is cut off")


@pytest.mark.parametrize(
    ("command", "word", "fix"),
    [
        ("cd /srv && ./run", 'no shell reads it: "&&" is', "write command = /bin/sh -c '...'"),
        ("/bin/a | /bin/b", 'no shell reads it: "|" is', "write command = /bin/sh -c '...'"),
        ("/bin/a; /bin/b", 'no shell reads it: "/bin/a;"', "write command = /bin/sh -c '...'"),
        ("/bin/a >/x 2>&1", 'no shell reads it: ">/x" is', "write command = /bin/sh -c '...'"),
        ("/bin/a $PORT", 'no shell reads it: "$PORT" is', "write %(ENV_PORT)s for a variable"),
        ("~/bin/a", 'no shell reads it: "~/bin/a" is', 'write "%(ENV_HOME)s/bin/a"'),
        ("PORT=8 /bin/a", '"PORT=8" sets no variable', 'write environment = PORT="8"'),
    ],
)
def test_a_command_that_wants_a_shell_is_told(tmp_path, command, word, fix):
    text = f"{MAIN}[program:a]\nnumprocs=2\nprocess_name=%(process_num)s\ncommand={command}\n"
    (warning,) = plan_of(tmp_path, text).warnings
    place = f"{tmp_path}/supervisord.conf"
    assert warning.startswith(f"{place}:6: command of [program:a]: {word}")
    assert warning.partition("\n")[2].strip().startswith(fix)
    assert len(plan_of(tmp_path, text, strict=True).processes) == 2  # a warning, whatever is asked


@pytest.mark.parametrize(
    "command",
    [
        'nginx -g "daemon off;"',
        "sh -c 'cd /srv && exec ./run >/x $PORT'",
        "gosu web /bin/bash -c 'exec ./run $PORT | cat'",
        "/bin/web --path=/a --url http://x/?a=b&c=d",
    ],
)
def test_a_command_that_wants_no_shell_is_not_told(tmp_path, command):
    assert plan_of(tmp_path, f"{MAIN}[program:a]\ncommand={command}\n").warnings == ()


def test_a_header_without_its_end_is_told_where_any_option_may_be(tmp_path):
    factory = "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface"
    text = f"{MAIN}[rpcinterface:supervisor]\n{factory}\n[program:a\ncommand=a\n"
    (warning,) = plan_of(tmp_path, text).warnings
    told = f'{tmp_path}/supervisord.conf:5: "[program" in [rpcinterface:supervisor] is taken'
    assert warning == f'{told} for an option\n  a "]" is missing: write [program:a]'
    assert plan_of(tmp_path, text, strict=True).warnings == (warning,)


@pytest.mark.parametrize(("text", "line"), [("[supervisord\n", 1), (f"{MAIN}[include\n", 3)])
def test_a_line_that_is_only_a_header_without_its_end_is_told(tmp_path, text, line):
    found = {at: fix for at, _, fix in faults_in(tmp_path, text)}
    header = text.rpartition("[")[2].strip()
    assert found[line] == f'a "]" is missing: write [{header}]'


def test_what_is_wrong_hides_nothing_that_is_doubtful(tmp_path):
    text = f"{MAIN}[program:a]\ncommand=a && b\nstopwaitsec=30\n[progam:b]\n"
    doubts = plan_of(tmp_path, text).warnings
    assert len(doubts) == 3
    bad = text.replace("[progam", "priority=high\n[progam")
    path = written(tmp_path, bad, "supervisord.conf")
    for read in (load, convert, lambda files, environ: shown(files, environ, str)):
        with pytest.raises(ConfigErrors) as caught:
            read([path], ENVIRON)
        assert [error.line for error in caught.value.errors] == [6]
        told = [warning.replace(":7: ", ":6: ") for warning in caught.value.warnings]
        assert sorted(told) == sorted(doubts)


def test_a_door_for_everybody_is_told(tmp_path):
    text = f"{MAIN}[inet_http_server]\nport=9001\n[inet_http_server:b]\nport=127.0.0.1:9002\n"
    (warning,) = plan_of(tmp_path, text).warnings
    assert ":4: [inet_http_server]: whoever reaches 0.0.0.0:9001 controls all programs" in warning


def test_what_a_section_has_twice_is_warned_of_unless_it_is_the_same(tmp_path):
    one = written(tmp_path, MAIN + "[program:a]\ncommand=one\nuser=0\n", "d/a.conf")
    two = written(tmp_path, "[program:a]\ncommand=two\nuser=0\n", "d/b.conf")
    plan = load([f"{tmp_path}/d"], ENVIRON)
    (process,) = plan.processes
    assert process.launch.argv == ("two",)
    (warning,) = plan.warnings
    text = f'"command" of [program:a] is in {one}:4, too: what is here counts'
    assert warning == f"{two}:2: {text}\n  leave one of them out"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("autostart=maybe", "not a valid boolean value: 'maybe'"),
        ("startsecs=1s", "invalid literal for int() with base 10: '1s'"),
        ("stdout_logfile_maxbytes=5M", "invalid literal for int() with base 10: '5m'"),
        ("umask=9", "9 can not be converted to an octal type"),
        ("stopsignal=NOPE", "value 'NOPE' is not a valid signal name"),
        ("stopsignal=99", "value '99' is not a valid signal number"),
        ("exitcodes=0,256", "not a valid list of exit codes: '0,256'"),
        ("autorestart=often", "invalid 'autorestart' value 'often'"),
        ("user=nobody-knows", "Invalid user name nobody-knows"),
        ("environment=A=1,B", "Unexpected end of key/value pairs in value after 'A'"),
        ("process_name=a b", "Invalid name: 'a b' because of character: ' '"),
        ("numprocs=2",
         "%(process_num) must be present within process_name when numprocs > 1"),
        ("stopasgroup=true\nkillasgroup=false",
         "Cannot set stopasgroup=true and killasgroup=false"),
        ("directory=%(ENV_NONE)s",
         ("Format string '%(ENV_NONE)s' for 'program:web.directory' contains names ('ENV_NONE') "
         "which cannot be expanded: it is not set")),
        ("directory=%(progam_name)s",
         ("Format string '%(progam_name)s' for 'program:web.directory' contains names "
          "('progam_name') which cannot be expanded. Available names: group_name, here, "
          "host_node_name, numprocs, process_num, program_name, ENV_X for a variable X")),
    ],
)  # fmt: skip
def test_values_that_cannot_be_used_are_told_in_supervisords_words(tmp_path, lines, text):
    line, message, fix = program_fault(tmp_path, lines)
    assert line == lines.count("\n") + 1
    assert message == text
    assert fix


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[program:a]\ncommand=a\n", 0, ".ini file does not include supervisord section"),
        (f"{MAIN}[include]\n", 3, ".ini file has [include] section, but no files setting"),
        (f"{MAIN}[program:a]\n", 3, "program section program:a does not specify a command"),
        (f"{MAIN}[unix_http_server]\n", 3, "section [unix_http_server] has no file value"),
        (f"{MAIN}[inet_http_server]\n", 3, "section [inet_http_server] has no port value"),
        (f"{MAIN}[inet_http_server]\nport=http\n", 4, "not a valid port number: 'http' "),
        (f"{MAIN}[inet_http_server]\nport=127.0.0.1:70000\n", 4,
         "70000 is above upper bound (65535)"),
        (f"{MAIN}[inet_http_server]\nport=127.0.0.1:1\nusername=a\n", 5,
         ("Section [inet_http_server] contains incomplete authentication: If a username or a "
         "password is specified, both the username and password must be specified")),
        (f"{MAIN}[group:g]\nprograms=x\n", 4, "[group:g] names unknown program or fcgi-program x"),
        (f"{MAIN}[eventlistener:l]\ncommand=l\n", 3,
         '[eventlistener:l] section requires an "events" line'),
        (f"{MAIN}[eventlistener:l]\ncommand=l\nevents=TICK_7\n", 5,
         "Unknown event type TICK_7 in [eventlistener:l] events"),
        (f"{MAIN}[fcgi-program:f]\ncommand=f\n", 3,
         '[fcgi-program:f] section requires a "socket" line'),
        (f"{MAIN}[fcgi-program:f]\ncommand=f\nsocket=pipe\n", 5,
         "Bad socket format pipe in [fcgi-program:f] socket"),
        (f"{MAIN}[rpcinterface:x]\n", 3,
         "section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory"),
        (f"{MAIN}[program:a b]\ncommand=a\n", 3,
         "Invalid name: 'a b' because of character: ' '"),
        (f"{MAIN}loglevel=loud\n", 3, "bad logging level name 'loud'"),
        (f"{MAIN}[program:a]\ncommand=a\n[fcgi-program:a]\ncommand=a\nsocket=tcp://127.0.0.1:1\n",
         5, "there is a process 'a' already"),
    ],
)  # fmt: skip
def test_sections_that_cannot_be_used_are_told_in_supervisords_words(tmp_path, text, line, message):
    found_line, found, fix = fault_in(tmp_path, text)
    found = found.partition(" in section '")[0]
    assert (found_line, found) == (line, message)
    assert fix


def test_all_faults_are_told_at_once_each_with_its_line(tmp_path):
    text = f"{MAIN}minfds=x\n[program:a]\ncommand=a\nstartsecs=y\n[program:b]\n"
    assert [line for line, *_ in faults_in(tmp_path, text)] == [3, 6, 7]


@pytest.mark.parametrize(
    "text",
    [
        "[inet_http_server]\nport=0.0.0.0:9001\nusername=u\npassword=hush%hush\n",
        "[inet_http_server]\nport=9001\nusername=u\npassword=x%(hush)s\n",
        "[inet_http_server]\nport=9001\nusername=u\npassword=x%(hush\n",
        "[inet_http_server]\nport=9001\nusername=hush\n",
        "[unix_http_server]\nfile=/x\npassword=hush\n",
        "environment=A=hush hush,B\n",
        "environment=A=hush,B='hush\n",
        "[program:a]\ncommand=a\nenvironment=PASSWORD=%(ENV_HUSH)s,B\n",
        "[program:a]\ncommand=%(ENV_HUSH)s 'x\n",
        "[program:a]\ncommand=a %(nothing)s\nenvironment=A=%(ENV_HUSH)s\n",
    ],
)
def test_no_fault_shows_what_is_secret(tmp_path, text):
    with pytest.raises(ConfigErrors) as caught:
        plan_of(tmp_path, MAIN + text, {**ENVIRON, "HUSH": "hush hush"}, strict=True)
    assert "hush" not in str(caught.value)


def test_users_that_pyinit_is_already_are_not_changed_to(tmp_path):
    me = os.geteuid()
    text = f"{MAIN}[program:a]\ncommand=a\nuser={me}\n"
    assert plan_of(tmp_path, text).processes[0].launch.uid is None
    text = f"{MAIN}user=nobody\n[program:a]\ncommand=a\nuser=nobody\n"
    plan = plan_of(tmp_path, text)
    assert plan.init.uid == pwd.getpwnam("nobody").pw_uid
    assert plan.processes[0].launch.uid is None


def test_what_supervisord_says_of_its_doors_is_of_a_kind_of_its_own(tmp_path):
    """It says it last; what it says of its files is said before."""
    (tmp_path / "more.conf").write_text("[program:a]\ncommand=a\n")
    path = tmp_path / "supervisord.conf"
    path.write_text(
        "[supervisord]\n[unix_http_server]\nfile=%(here)s/s\n[include]\nfiles=more.conf\n"
    )
    told = load([str(path)], {}, name="supervisord").told
    kinds = [kind for _, kind, text in told if "more.conf" in text or "authentication" in text]
    assert kinds == ["", DOOR]
    assert load([str(path)], {}).told == ()
