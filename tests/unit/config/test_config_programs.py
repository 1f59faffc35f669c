"""Programs: what each key means in the plan."""

import grp
import os
import pwd

import pytest
from configs import ENVIRON, fault_in, faults_in, plan_of, program_fault, program_of, written

from pyinit.config.load import load
from pyinit.core.plan import (
    INHERIT,
    Capabilities,
    Launch,
    Limit,
    ProcessPlan,
    Ready,
    Restart,
    Sink,
    Stop,
)

NOBODY = pwd.getpwnam("nobody")
NUMBER = 54321  # a user that nobody has an entry for


def launch_of(tmp_path, lines, **more):
    return program_of(tmp_path, lines, **more).launch


def test_a_program_of_one_line_is_a_service_with_every_default(tmp_path):
    (process,) = plan_of(tmp_path, '[program.web]\ncommand = ["/bin/web", "-v"]\n').processes
    launch = Launch(("/bin/web", "-v"))
    assert process == ProcessPlan("web:0", "web", "web", "web", launch)
    assert process.restart == Restart("on-failure", 0.5, 2.0, 30.0, 0.1, 60.0, 5)
    assert process.stop == Stop((15,), 10.0, "tree", 0)
    assert (process.kind, process.autostart, process.critical) == ("service", True, True)
    assert (process.priority, process.success_codes, process.start_s) == (999, (0,), 1.0)
    assert (process.ready, process.reload_signal, process.depends) == (None, 0, ())
    assert (launch.stdout, launch.stderr, launch.env_pass) == (INHERIT, INHERIT, ("*",))


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("\"/bin/web -v 'a b'\"", ("/bin/web", "-v", "a b")),
        ('["/bin/web", "a b", ""]', ("/bin/web", "a b", "")),
        ('["${NAME}", "${INSTANCE}", "$$x", "$x"]', ("value", "0", "$x", "$x")),
        ('"""\n/bin/web \\\n  -v\n"""', ("/bin/web", "-v")),
        ("'web \"${NAME} x\"'", ("web", "value x")),
    ],
)
def test_a_command_is_a_list_or_a_text(tmp_path, command, argv):
    (process,) = plan_of(tmp_path, f"[program.web]\ncommand = {command}\n").processes
    assert process.launch.argv == argv


def test_a_text_may_be_for_a_shell(tmp_path):
    text = '[program.web]\nshell = true\ncommand = "a | b > $X"\n'
    (process,) = plan_of(tmp_path, text).processes
    assert process.launch.argv == ("/bin/sh", "-c", "a | b > $X")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('command = ""', "command: it is empty"),
        ('command = "  "', "command: it is empty"),
        ("command = []", "command: it is empty"),
        ('command = ["", "x"]', "command: it is empty"),
        ("command = \"''\"", "command: it is empty"),
        ("command = 3", "command: 3 is no command"),
        ("command = {}", "command: a table is no command"),
        ('command = "a \'b"', "command: cannot split it: a quote ' is not closed"),
        ('command = "a \\u0000"', "command: a NUL character has no place here"),
        ('command = ["a", "\\u0000"]', "command: a NUL character has no place here"),
        ('command = "a \\u0000"\nshell = true', "command: a NUL character has no place here"),
        ('command = " "\nshell = true', "command: it must not be empty"),
        ('command = ["a"]\nshell = true', "command: shell = true needs a text"),
    ],
)
def test_what_is_no_command_is_an_error_with_its_line(tmp_path, lines, message):
    line, found, fix = fault_in(tmp_path, f"[program.web]\n{lines}\n")
    assert (line, found) == (2, message)
    assert fix


def test_a_program_without_a_command_is_an_error_and_so_is_the_rest_of_it(tmp_path):
    found = faults_in(tmp_path, "\n[program.web]\numask = 'x'\n")
    assert [(line, text) for line, text, _ in found] == [
        (2, 'program "web" has no command'),
        (3, 'umask: "x" is no octal mode'),
    ]


def test_every_key_of_a_launch_arrives(tmp_path):
    launch = launch_of(
        tmp_path,
        """
        directory = "/srv"
        umask = "027"
        env = { B = "2", A = "${NAME}", C = 3 }
        env_pass = ["LC_*", "TZ"]
        secrets = { TOKEN = "/run/secrets/token" }
        limits = { nofile = "1024:4096", core = 0 }
        limits_unmet = "warn"
        nice = 5
        oom_score_adj = -100
        cpu_affinity = "0-1"
        io_priority = "best-effort:2"
        no_new_privs = true
        capabilities = { keep = ["net_bind_service"], ambient = ["CAP_NET_BIND_SERVICE"] }
        parent_death_signal = "KILL"
        """,
    )
    assert launch == Launch(
        ("/bin/web",),
        directory="/srv",
        umask=0o27,
        env=(("A", "value"), ("B", "2"), ("C", "3")),
        env_pass=("LC_*", "TZ"),
        secrets=(("TOKEN", "/run/secrets/token"),),
        limits=(Limit("core", 0), Limit("nofile", 1024, 4096)),
        limits_unmet="warn",
        nice=5,
        oom_score_adj=-100,
        cpu_affinity=(0, 1),
        io_priority=(2, 2),
        no_new_privs=True,
        capabilities=Capabilities((10,), (10,)),
        parent_death_signal=9,
    )


def test_every_key_of_a_process_arrives(tmp_path):
    process = program_of(
        tmp_path,
        """
        type = "oneshot"
        autostart = false
        critical = false
        priority = 5
        restart = { policy = "never", delay = 2, factor = 3, max_delay = "1m", jitter = 0, max = 0 }
        success_codes = [0, 3]
        start_seconds = "2s"
        stop = { signal = ["INT", "TERM"], timeout = "3s", kill = "group", dump_signal = "QUIT" }
        reload = { signal = "HUP" }
        """,
    )
    assert (process.kind, process.autostart, process.critical) == ("oneshot", False, False)
    assert process.priority == 5
    assert process.restart == Restart("never", 2.0, 3.0, 60.0, 0.0, 60.0, 0)
    assert (process.success_codes, process.start_s) == ((0, 3), 2.0)
    assert process.stop == Stop((2, 15), 3.0, "group", 3)
    assert process.reload_signal == 1


def test_what_counts_for_nothing_beside_retries_is_warned_of(tmp_path):
    text = (
        '[defaults]\nrestart = { max = 9 }\n[program.a]\ncommand = "a"\nrestart = { retries = 3 }\n'
    )
    assert plan_of(tmp_path, text).warnings == ()
    (warning,) = plan_of(tmp_path, text.replace("retries = 3", "retries = 3, max = 4")).warnings
    assert warning == (
        f"{tmp_path}/pyinit.toml:5: max: it counts for nothing beside retries, which is"
        " supervisord's rule\n  leave one of them out"
    )
    swapped = text.replace("retries = 3", "window = 5").replace("max = 9", "retries = 3")
    (warning,) = plan_of(tmp_path, swapped).warnings
    assert ":5: window: it counts for nothing" in warning


@pytest.mark.parametrize(
    ("other", "others"),
    [
        ("", []),
        ('max_size = "1MB"', ["max_size"]),
        ('mode = "0600", format = "json"', ["mode", "format"]),
        ("max_files = 1, compress = true, owner = 5", ["max_files", "compress", "owner"]),
    ],
)
def test_a_file_of_two_streams_with_other_settings_is_warned_of(tmp_path, other, others):
    text = '[program.a]\ncommand = "a"\ninstances = 2\nstdout = { file = "/l" }\n'
    text += f'[program.b]\ncommand = "b"\nstderr = {{ file = "/l", {other} }}\n'
    warnings = plan_of(tmp_path, text.replace(", }", " }")).warnings
    if not others:
        assert warnings == ()
    else:
        (warning,) = warnings
        assert warning == (
            f'{tmp_path}/pyinit.toml:7: stderr: "/l" has another {" and ".join(others)} in program'
            ' "a"\n  write the same for both, or another file'
        )


@pytest.mark.parametrize("one", ['"json"', '{ file = "/l" }'])
def test_what_is_twice_in_a_list_of_outputs_is_warned_of(tmp_path, one):
    text = f'[program.a]\ncommand = "a"\nstdout = [{one}, "prefix", {one}]\n'
    (warning,) = plan_of(tmp_path, text).warnings
    assert ':3: stdout: "' in warning
    assert '" is there twice, and so is each line\n  leave one out' in warning
    assert plan_of(tmp_path, text.replace(f", {one}]", "]")).warnings == ()


def test_processes_of_one_program_have_a_pidfile_each(tmp_path):
    text = '[program.a]\ncommand = "a"\ntype = "forking"\ninstances = 2\npidfile = "/run/a.pid"\n'
    line, message, fix = fault_in(tmp_path, text)
    assert (line, message) == (5, "pidfile: 2 processes would write the same")
    assert fix == "write ${INSTANCE} into it"
    plan = plan_of(tmp_path, text.replace("a.pid", "a${INSTANCE}.pid"))
    assert [each.pidfile for each in plan.processes] == ["/run/a0.pid", "/run/a1.pid"]
    assert plan_of(tmp_path, text.replace("= 2", "= 1")).processes


def test_supervisords_ways_of_restarting_and_stopping_may_be_asked_for(tmp_path):
    process = program_of(
        tmp_path,
        'restart = { policy = "always", retries = 3 }\nstop = { kill = "process", last = "group" }\n',
    )
    assert process.restart == Restart("always", retries=3)
    assert process.stop == Stop(kill="process", last="group")


def test_a_group_has_the_priority_of_its_order(tmp_path):
    text = """
[init]
stop_order = "groups"
[program.a]
command = "a"
priority = 4
[program.b]
command = "b"
priority = 5
[group.g]
programs = ["b"]
priority = 7
"""
    plan = plan_of(tmp_path, text)
    assert plan.init.stop_order == "groups"
    assert [(one.priority, one.group_priority) for one in plan.processes] == [(4, 4), (5, 7)]


def test_a_text_is_short_for_the_policy_and_for_the_signal(tmp_path):
    process = program_of(tmp_path, 'restart = "always"\nstop = "INT"\n')
    assert process.restart == Restart("always")
    assert process.stop == Stop((2,))
    assert program_of(tmp_path, 'stop = ["INT", "TERM"]\n').stop == Stop((2, 15))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("restart = true", "restart: true is not known here"),
        ('restart = "allways"', 'restart: "allways" is not known here'),
        ("restart = { policy = 3 }", "policy: 3 is not known here"),
        ("restart = { factor = 0.5 }", "factor: 0.5 is no number from 1 to 1000"),
        ("restart = { jitter = 2 }", "jitter: 2 is no number from 0 to 1"),
        ("restart = { max = -1 }", "max: -1 is no whole number from 0"),
        ('restart = { delay = "2s", max_delay = "1s" }', "max_delay: it is less than delay"),
        ('stop = "TREM"', 'stop: "TREM" is no signal'),
        ("stop = []", "stop: at least one signal is needed"),
        ("stop = { signal = [] }", "signal: at least one signal is needed"),
        ('stop = { kill = "all" }', 'kill: "all" is not known here'),
        ('stop = { timeout = "-1s" }', 'timeout: "-1s" is no duration'),
        ("stop = { command = 3 }", "command: 3 is no command"),
        ("hooks = { pre_start = [] }", "pre_start: it is empty"),
        ("hooks = { before = ['x'] }", 'unknown key "before" in [program.web.hooks]'),
        ("stop = { sgnal = 1 }", 'unknown key "sgnal" in [program.web.stop]'),
        ('reload = "HUP"', '"reload" is no table'),
        ("reload = {}", "reload: a signal or a command is needed, there is none"),
        ('reload = { command = ["x"], signal = "HUP" }', "reload: a signal or a command, not both"),
        ('pidfile = "/run/x.pid"', 'pidfile: only a program of type = "forking" is followed by it'),
        ('type = "simple"', 'type: "simple" is not known here'),
        ("instances = -1", "instances: -1 is no whole number from 0 to 10000"),
        ("instances = 1.5", "instances: 1.5 is no whole number from 0 to 10000"),
        ('autostart = "yes"', 'autostart: "yes" is neither true nor false'),
        ("success_codes = [256]", "success_codes: 256 is no whole number from 0 to 255"),
        ("priority = 10000", "priority: 10000 is no whole number from -9999 to 9999"),
        ("nice = 20", "nice: 20 is no whole number from -20 to 19"),
        ("env_pass = 3", "env_pass: 3 is no text"),
        ('secrets = { A = "" }', 'secrets: "A" names no file'),
        ("secrets = { A = 3, B = [] }", "secrets: B: a list is no text"),
        ("capabilities = { keep = ['x'] }", 'keep: "x" is no capability'),
        ("capabilities = { drop = ['x'] }", 'drop: "x" is no capability'),
        ("capabilities = { ambient = ['all'] }", 'ambient: "all" is no capability'),
        ("securebits = ['yesroot']", 'securebits: "yesroot" is no securebit'),
        ("runtime = 'java'", 'runtime: "java" is not known here'),
        ("user = true", "user: true is no user"),
        ("user = ''", "user: a user is a name or a number"),
        ("group = 1.5", "group: 1.5 is no group"),
        ("user = -1", "user: -1 is no number of a user"),
        ("user = 4294967295", "user: 4294967295 is no number of a user"),
        ("group = 99999999999", "group: 99999999999 is no number of a group"),
        ("user = 'no such user'", 'user: there is no user "no such user"'),
        ("user = 'no:group'", 'user: there is no user "no:group"'),
        ("group = 'no such group'", 'group: there is no group "no such group"'),
        ("groups = ['no such group']", 'groups: there is no group "no such group"'),
        ("depends_on = 3", "depends_on: 3 is no text"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_at_its_line(tmp_path, lines, message):
    line, text, fix = program_fault(tmp_path, lines)
    assert (line, text) == (1, message)
    assert fix


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ('ready = { output = "^addr: " }', Ready("output", "^addr: ")),
        ("ready = { output = 'listening on \\d+' }", Ready("output", "listening on \\d+")),
        ("ready = { fd = 3 }", Ready("fd", "3")),
        ("ready = { notify = true }", Ready("notify")),
        ('ready = { file = "/run/x" }', Ready("file", "/run/x")),
        ('ready = { delay = "2s" }', Ready("delay", "2.0")),
        ('ready = { fd = 4, notify = false, timeout = "1m" }', Ready("fd", "4", 60.0)),
        ('ready = { file = "/x", interval = "250ms" }', Ready("file", "/x", 30.0, 0.25)),
        ('ready = { file = "/x", interval = 0.001 }', Ready("file", "/x", 30.0, 0.05)),
    ],
)
def test_readiness_has_one_kind(tmp_path, lines, wanted):
    assert program_of(tmp_path, lines).ready == wanted


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("ready = {}", "ready: one kind is needed, there is none"),
        ('ready = { timeout = "1s" }', "ready: one kind is needed, there is none"),
        ("ready = { notify = false }", "ready: one kind is needed, there is none"),
        ('ready = { fd = 3, output = "x" }', "ready: one kind is needed, not output and fd"),
        ('ready = "x"', '"ready" is no table'),
        ("ready = { fd = 2 }", "fd: 2 is no whole number from 3 to 255"),
        ('ready = { output = "(" }', 'output: "(" is no regular expression'),
        ('ready = { output = "" }', "output: it must not be empty"),
        ("ready = { notify = 1 }", "notify: 1 is neither true nor false"),
        ("ready = { fd = 3, timeout = 0 }", "timeout: nothing is ready at once"),
    ],
)
def test_readiness_that_makes_no_sense_is_an_error(tmp_path, lines, message):
    found = faults_in(tmp_path, f'[program.web]\ncommand = ["x"]\n{lines}\n')
    assert found[0][1].startswith(message)
    assert all(fault[0] == 3 and fault[2] for fault in found)


def test_a_user_brings_its_groups_and_its_environment(tmp_path):
    launch = launch_of(tmp_path, 'user = "nobody"\n')
    groups = tuple(sorted(set(os.getgrouplist("nobody", NOBODY.pw_gid))))
    assert (launch.uid, launch.gid, launch.groups) == (NOBODY.pw_uid, NOBODY.pw_gid, groups)
    home = NOBODY.pw_dir
    assert dict(launch.env) == {"HOME": home, "LOGNAME": "nobody", "USER": "nobody"}
    assert launch_of(tmp_path, f"user = {NOBODY.pw_uid}\n") == launch
    assert launch_of(tmp_path, f'user = "{NOBODY.pw_uid}"\n') == launch


def test_a_number_needs_no_entry(tmp_path):
    launch = launch_of(tmp_path, f"user = {NUMBER}\n")
    assert (launch.uid, launch.gid, launch.groups) == (NUMBER, None, None)
    assert dict(launch.env) == {"HOME": "/", "LOGNAME": str(NUMBER), "USER": str(NUMBER)}
    launch = launch_of(tmp_path, f'user = "{NUMBER}"\ngroup = {NUMBER}\ngroups = [1, "2"]\n')
    assert (launch.uid, launch.gid, launch.groups) == (NUMBER, NUMBER, (1, 2))


def test_a_group_stands_in_for_the_users_own(tmp_path):
    root = grp.getgrgid(0).gr_name
    launch = launch_of(tmp_path, f'user = "nobody"\ngroup = "{root}"\n')
    assert (launch.gid, launch.groups) == (0, tuple(sorted(set(os.getgrouplist("nobody", 0)))))
    launch = launch_of(tmp_path, "group = 5\n")
    assert (launch.uid, launch.gid, launch.groups) == (None, 5, None)
    launch = launch_of(tmp_path, f"user = {NUMBER}\ngroup = 5\n")
    assert (launch.gid, launch.groups) == (5, None)
    launch = launch_of(tmp_path, 'user = "nobody"\n', before="[defaults]\ngroup = 5\n")
    assert launch.gid == 5
    assert launch_of(tmp_path, "groups = 7\n").groups == (7,)


def test_the_environment_is_laid_over_in_its_order(tmp_path):
    written(tmp_path, "B=file\nC=file\nD=file\nE=file\n", "web.env")
    (tmp_path / "vars").mkdir()
    for name in "CDE":
        (tmp_path / "vars" / name).write_text("directory\n")
    launch = launch_of(
        tmp_path,
        'env_file = ["web.env", "-none.env"]\nenv_dir = "vars"\nenv = { E = "own" }\n',
        before='[init]\nenv = { A = "init", B = "init" }\n'
        '[defaults]\nenv = { D = "defaults", E = "defaults" }\n',
    )
    wanted = {"A": "init", "B": "file", "C": "directory", "D": "defaults", "E": "own"}
    assert dict(launch.env) == wanted


def test_what_is_set_for_all_yields_to_the_user_and_what_is_set_for_one_does_not(tmp_path):
    before = '[init]\nenv = { HOME = "/all", LANG = "C" }\n'
    env = dict(launch_of(tmp_path, 'user = "nobody"\n', before=before).env)
    assert env["HOME"] == NOBODY.pw_dir
    assert env["LANG"] == "C"
    env = dict(launch_of(tmp_path, 'user = "nobody"\nenv = { HOME = "/own" }\n').env)
    assert env["HOME"] == "/own"


def test_files_of_variables_are_relative_to_the_file_that_names_them(tmp_path):
    written(tmp_path, "A=1\n", "sub/web.env")
    written(tmp_path, 'include = ["sub/*.toml"]\n')
    text = '[program.web]\ncommand = "x"\nenv_file = "web.env"\nsecrets = { S = "token" }\n'
    written(tmp_path, text, "sub/web.toml")
    (process,) = load([f"{tmp_path}/pyinit.toml"], ENVIRON).processes
    assert process.launch.env == (("A", "1"),)
    assert process.launch.secrets == (("S", f"{tmp_path}/sub/token"),)


def test_secrets_of_defaults_and_of_the_program_are_merged(tmp_path):
    launch = launch_of(
        tmp_path,
        'secrets = { B = "/own", C = "/own" }\n',
        before='[defaults]\nsecrets = { A = "/all", B = "/all" }\n',
    )
    assert launch.secrets == (("A", "/all"), ("B", "/own"), ("C", "/own"))


def test_a_fault_in_a_file_of_variables_has_both_places(tmp_path):
    path = written(tmp_path, "A=1\nnothing\n", "web.env")
    line, text, _ = program_fault(tmp_path, 'env_file = [\n  "-none",\n  "web.env"]\n')
    assert (line, text) == (3, f"env_file: {path}:2: it is no NAME=value")
    assert "cannot read" in program_fault(tmp_path, 'env_dir = "none"\n')[1]
    assert program_fault(tmp_path, 'env_file = ""\n')[1] == "env_file: it must not be empty"


def test_instances_are_processes_with_their_number_in_texts(tmp_path):
    processes = plan_of(
        tmp_path,
        """
        [program.web]
        command = ["web", "-port", "808${INSTANCE}"]
        instances = 2
        directory = "/srv"
        """,
    ).processes
    assert [(p.key, p.name, p.program, p.instance) for p in processes] == [
        ("web:0", "web:0", "web", 0),
        ("web:1", "web:1", "web", 1),
    ]
    assert [p.launch.argv[2] for p in processes] == ["8080", "8081"]


def test_a_thousand_instances_that_are_alike_share_their_plan(tmp_path):
    processes = plan_of(tmp_path, '[program.web]\ncommand = "x"\ninstances = 1000\n').processes
    assert len(processes) == 1000
    assert processes[999].launch is processes[0].launch
    assert processes[999].name == "web:999"


@pytest.mark.parametrize(
    "lines",
    ['env = { A = "${INSTANCE}" }', 'stdout = [{ file = "/log/${INSTANCE}" }]',
     'secrets = { A = "/x${X:-${INSTANCE}}" }'],
)  # fmt: skip
def test_the_number_may_come_from_defaults(tmp_path, lines):
    text = f'[defaults]\n{lines}\n[program.web]\ncommand = "x"\ninstances = 2\n'
    one, two = plan_of(tmp_path, text).processes
    assert one.launch != two.launch


def test_no_instances_are_no_processes_but_their_faults_are_told(tmp_path):
    text = '[program.web]\ncommand = "x"\ninstances = 0\n'
    assert plan_of(tmp_path, text).processes == ()
    assert fault_in(tmp_path, text + "nice = 99\n")[0] == 4


def test_a_number_or_a_truth_may_come_from_a_variable(tmp_path):
    text = """
        [program.web]
        command = "x"
        instances = "${COUNT}"
        autostart = "${START:-false}"
        nice = "${NICE:--5}"
        restart = { jitter = "${JITTER:-0.5}" }
        """
    processes = plan_of(tmp_path, text).processes
    assert len(processes) == 3
    assert (processes[0].autostart, processes[0].launch.nice) == (False, -5)
    assert processes[0].restart.jitter == 0.5


@pytest.mark.parametrize("value", ["${NAME}", "3", "${LONG}", "${ACCENT}", "${COUNT}.${COUNT}.1"])
def test_other_texts_are_no_numbers(tmp_path, value):
    environ = {"NAME": "value", "LONG": "9" * 20, "ACCENT": "²", "COUNT": "3"}
    text = f'[program.web]\ncommand = "x"\ninstances = "{value}"\n'
    assert "is no whole number" in fault_in(tmp_path, text, environ)[1]
    assert "-1 is no whole" in fault_in(tmp_path, text.replace(value, "${X:--1}"))[1]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ('stdout = "prefix"', (Sink("prefix"),)),
        ('stdout = "json"', (Sink("json"),)),
        ('stdout = "null"', (Sink("null"),)),
        ('stdout = "inherit"', INHERIT),
        ('stdout = ["inherit"]', INHERIT),
        ('stdout = { file = "/x" }', (Sink("file", "/x"),)),
        ('stdout = [{ file = "/x" }, "prefix"]', (Sink("file", "/x"), Sink("prefix"))),
        ('stdout = ["inherit", { file = "/x" }]', (Sink("copy"), Sink("file", "/x"))),
    ],
)
def test_output_goes_to_one_place_or_several(tmp_path, lines, wanted):
    assert launch_of(tmp_path, lines).stdout == wanted


def test_every_key_of_a_file_of_output_arrives(tmp_path):
    launch = launch_of(
        tmp_path,
        """
        stderr = "stdout"
        [program.web.stdout]
        file = "/log/web"
        max_size = "1MB"
        max_files = 3
        compress = true
        owner = "nobody:5"
        mode = "0600"
        format = "tai64n"
        """,
    )
    sink = Sink("file", "/log/web", 1 << 20, 3, True, "tai64n", 0o600, NOBODY.pw_uid, 5)
    assert launch.stdout == (sink,)
    assert launch.stderr == (Sink("stdout"),)
    assert (
        launch_of(tmp_path, 'stdout = {file="/x", owner="nobody"}').stdout[0].gid == NOBODY.pw_gid
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('stdout = "stdout"', 'stdout: "stdout" is not known here'),
        ("stdout = 3", "stdout: 3 is not known here"),
        ("stdout = []", "stdout: the list is empty"),
        ("stdout = {}", "a table of a stream needs a file"),
        ('stdout = ["prefix", { fil = "/x", file = "/y" }]',
         'unknown key "fil" in [program.web.stdout]'),
        ('stdout = ["inherit", "null", "json"]', 'stdout: "null" stands alone'),
        ('stdout = ["null", "prefix"]', 'stdout: "null" stands alone'),
        ('stdout = ["prefix", "${NOTHING:-null}"]', 'stdout: "null" stands alone'),
        ('stdout = ["null", { file = "/x" }]', 'stdout: "null" stands alone'),
        ('stderr = ["null", "null"]', 'stderr: "null" stands alone'),
        ('stderr = ["stdout", "prefix"]', 'stderr: "stdout" stands alone'),
        ('stdout = { file = "/x", format = "xml" }', 'format: "xml" is not known here'),
        ('stdout = { file = "/x", owner = "nobody:none here" }',
         'owner: there is no group "none here"'),
        ('stdout = ["${UNSET}"]', "stdout: cannot expand ${UNSET}: it is not set"),
    ],
)  # fmt: skip
def test_output_that_goes_nowhere_is_an_error(tmp_path, lines, message):
    line, text, fix = program_fault(tmp_path, lines)
    assert (line, text) == (1, message)
    assert fix


def test_each_word_that_stands_alone_is_told_where_it_stands(tmp_path):
    text = '[program.a]\ncommand = "a"\nstderr = [\n"stdout",\n"prefix",\n"null",\n"nul"]\n'
    assert [(line, message) for line, message, _ in faults_in(tmp_path, text)] == [
        (4, 'stderr: "stdout" stands alone'),
        (6, 'stderr: "null" stands alone'),
        (7, 'stderr: "nul" is not known here'),
    ]


def test_tables_of_defaults_merge_key_by_key(tmp_path):
    process = program_of(
        tmp_path,
        """
        restart = "never"
        stop = { timeout = "5s" }
        limits = { core = 5, nproc = "inherit" }
        capabilities = { keep = ["kill"] }
        """,
        before="""
[defaults]
restart = { policy = "always", delay = "1s" }
stop = "INT"
limits = { nofile = 1024, core = 0, NPROC = 10 }
capabilities = { ambient = ["kill"] }
""",
    )
    assert process.restart == Restart("never", 1.0)
    assert process.stop == Stop((2,), 5.0)
    assert process.launch.limits == (Limit("core", 5), Limit("nofile", 1024))
    assert process.launch.capabilities == Capabilities((5,), (5,))


def test_other_values_of_defaults_are_replaced_as_a_whole(tmp_path):
    process = program_of(
        tmp_path,
        'ready = { fd = 3 }\ndepends_on = {}\nstdout = "prefix"\n',
        before='[defaults]\nready = { output = "x", timeout = "5s" }\n'
        'depends_on = { web = "started" }\nstdout = { file = "/x" }\nsuccess_codes = [5]\n',
    )
    assert process.ready == Ready("fd", "3")
    assert process.depends == ()
    assert process.launch.stdout == (Sink("prefix"),)
    assert process.success_codes == (5,)


def test_defaults_of_all_files_hold_and_the_last_one_wins(tmp_path):
    one = written(
        tmp_path, '[defaults]\nnice = 1\numask = "0"\n[program.a]\ncommand="x"\n', "1.toml"
    )
    two = written(tmp_path, "[defaults]\nnice = 2\n[program.b]\ncommand='x'\n", "2.toml")
    for process in load([one, two], ENVIRON).processes:
        assert (process.launch.nice, process.launch.umask) == (2, 0)


def test_defaults_are_checked_even_where_nobody_uses_them(tmp_path):
    assert fault_in(tmp_path, "[defaults]\nnice = 99\n")[0] == 2
    text = '[defaults]\nnice = 99\n[program.web]\ncommand = "x"\nnice = 1\n'
    assert fault_in(tmp_path, text)[:2] == (2, "nice: 99 is no whole number from -20 to 19")
    assert (
        plan_of(tmp_path, '[defaults]\ncommand = "x"\n[program.web]\n').processes[0].name == "web"
    )


def test_what_programs_inherit_from_init(tmp_path):
    before = '[init]\ndirectory = "/srv"\numask = "077"\nlimits_unmet = "warn"\n'
    launch = launch_of(tmp_path, "", before=before)
    assert (launch.directory, launch.umask, launch.limits_unmet) == ("/srv", 0o77, "warn")


def test_every_fault_of_a_program_is_told_at_once(tmp_path):
    found = faults_in(
        tmp_path,
        """\
        [program.web]
        comand = "x"
        env = { A = "${UNSET}", B = true, C = "ok" }
        limits = { nofle = 1,
          core = "x" }
        success_codes = [
          300,
          "${UNSET}"
        ]
        nice = { a = { b = { c = 1 } } }
        """,
    )
    assert [line for line, *_ in found] == [1, 2, 3, 3, 4, 5, 8, 10]


def test_a_value_that_is_nested_without_end_is_an_error(tmp_path):
    nested = "[" * 30 + "]" * 30
    assert program_fault(tmp_path, f"env = {{ A = {nested} }}")[1] == "env: it is nested too deep"
    deep = ".".join(["a"] * 2000)
    assert "nested" in program_fault(tmp_path, f"env.{deep} = 1")[1]
