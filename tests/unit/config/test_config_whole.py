"""[init], groups, and what only the whole configuration shows."""

import marshal
import pwd

import pytest
from configs import ENVIRON, fault_in, faults_in, plan_of, written

from pyinit.config.checks import cycles
from pyinit.config.compile import compile_plain
from pyinit.config.load import load
from pyinit.core.plan import ControlPlan, Dependency, InitPlan, Limit, LogPlan, Plan, plan_kinds
from pyinit.core.record import from_plain

PROGRAMS = '[program.web]\ncommand = "x"\n[program.db]\ncommand = "y"\n'


def init_of(tmp_path, lines, environ=ENVIRON):
    return plan_of(tmp_path, f"[init]\n{lines}\n{PROGRAMS}", environ).init


def init_fault(tmp_path, lines):
    line, message, fix = fault_in(tmp_path, f"[init]\n{lines}\n{PROGRAMS}")
    return line - 1, message, fix


def test_nothing_said_is_every_default(tmp_path):
    assert plan_of(tmp_path, "").init == InitPlan()
    assert init_of(tmp_path, "") == InitPlan()
    assert InitPlan().exit == "fail-fast"
    assert InitPlan().stop_budget == 9.0


def test_every_key_of_init_arrives(tmp_path):
    written(tmp_path, "A=file\nB=file\n", "all.env")
    init = init_of(
        tmp_path,
        """
exit = "main:web"
limits = { nofile = "max", core = 0 }
limits_unmet = "warn"
stop_budget = "25s"
drain_delay = "5s"
env = { B = "2" }
env_file = ["all.env"]
umask = "022"
directory = "/srv"
user = "nobody"
pidfile = "/run/pyinit.pid"
log = { level = "debug", format = "json", file = "/log" }
control = { path = "/run/x.sock", mode = "0660", owner = "nobody", allow = ["1000:operate", "root:admin"] }
signals = { USR2 = "forward:web", HUP = "reload", SIGQUIT = "stop", INT = "ignore", "10" = "reopen" }
""",
    )
    nobody = pwd.getpwnam("nobody")
    assert init == InitPlan(
        exit="main:web",
        limits=(Limit("core", 0), Limit("nofile", -3)),
        limits_unmet="warn",
        stop_budget=25.0,
        drain_delay=5.0,
        umask=0o22,
        directory="/srv",
        uid=nobody.pw_uid,
        gid=nobody.pw_gid,
        groups=init.groups,
        env=(
            *(("A", "file"), ("B", "2"), ("HOME", nobody.pw_dir)),
            *(("LOGNAME", "nobody"), ("USER", "nobody")),
        ),
        pidfile="/run/pyinit.pid",
        log=LogPlan("debug", "json", "/log"),
        control=ControlPlan(
            "/run/x.sock", 0o660, nobody.pw_uid, nobody.pw_gid, ((1000, "operate"), (0, "admin"))
        ),
        signals=((1, "reload"), (2, "ignore"), (3, "stop"), (10, "reopen"), (12, "forward:web")),
    )
    assert nobody.pw_gid in init.groups


def test_init_of_several_files_is_one_and_the_last_file_wins(tmp_path):
    written(tmp_path, "A=1\nB=1\n", "one.env")
    written(tmp_path, "B=2\n", "two.env")
    one = written(
        tmp_path,
        '[init]\nexit = "never"\nstop_budget = 5\nenv_file = "one.env"\nenv = { C = "1", D = "1" }\n'
        'limits = { core = 0 }\nlog = { level = "debug" }\nsignals = { USR2 = "stop" }\n',
        "one.toml",
    )
    two = written(
        tmp_path,
        '[init]\nstop_budget = 7\nenv_file = "two.env"\nenv = { D = "2" }\nlimits = { nproc = 9 }\n'
        'log = { format = "json" }\nsignals = { USR2 = "ignore" }\n',
        "two.toml",
    )
    init = load([one, two], ENVIRON).init
    assert (init.exit, init.stop_budget) == ("never", 7.0)
    assert dict(init.env) == {"A": "1", "B": "2", "C": "1", "D": "2"}
    assert init.limits == (Limit("core", 0), Limit("nproc", 9))
    assert init.log == LogPlan("debug", "json", None)
    assert init.signals == ((12, "ignore"),)


@pytest.mark.parametrize("value", ["fail-fast", "all-done", "never", "main:web"])
def test_exit_is_one_of_these(tmp_path, value):
    assert init_of(tmp_path, f'exit = "{value}"').exit == value


@pytest.mark.parametrize(
    ("lines", "message", "fix"),
    [
        ('exit = "fast"', 'exit: "fast" is not known here', 'did you mean "fail-fast"?'),
        ("exit = 1", "exit: 1 is not known here", "write one of"),
        ('exit = "main:wbe"', 'exit: there is no program "wbe"', 'did you mean "web"?'),
        ('exit = "main:"', 'exit: there is no program ""', "known here: db, web"),
        ('limits_unmet = "no"', 'limits_unmet: "no" is not known here', "write one of"),
        ("limits = 3", "limits: 3 is no table", "write {"),
        ('drain_delay = "9s"', "drain_delay: nothing of stop_budget would be left", "make it"),
        ('signals = { KILL = "stop" }', 'signals: "KILL" cannot be caught', "choose"),
        ('signals = { CHLD = "stop" }', 'signals: "CHLD" cannot be caught', "choose"),
        ('signals = { HUPP = "stop" }', 'signals: "HUPP" is no signal', 'did you mean "HUP"?'),
        ('signals = { HUP = "run" }', 'signals: "run" is nothing a signal can do', "write"),
        ("signals = { HUP = 3 }", "signals: 3 is nothing a signal can do", "write"),
        ('signals = { HUP = "stop", 1 = "stop" }', 'signals: "1" is there twice', "leave one out"),
        ('signals = { HUP = "forward:wb" }', 'signals: there is no program "wb"', "did you mean"),
        ('log = { level = "loud" }', 'level: "loud" is not known here', "write one of"),
        ('log = "debug"', '"log" is no table', 'write log = { level = "debug" }'),
        ('control = { allow = ["x"] }', 'allow: "x" grants nothing', 'write "user:read"'),
        ('control = { allow = ["none here:read"] }', 'allow: there is no user "none here"', "make"),
        ("control = { mode = 660 }", "mode: the number 660 is 1224 in octal", 'write "0660"'),
        (f'control = {{ path = "/{"x" * 107}" }}', 'path: "/xxx', 'write "/run/app.sock"'),
        ("stop_budget = 0", "stop_budget: nothing can be stopped in no time", "write a duration"),
        ('stop_budget = "0s"', "stop_budget: nothing can be stopped in no time", "write a"),
        ('exit_when = { file = "done" }', 'file: "done" is no path from the root', 'write "/life'),
        ("exit_when = {}", "exit_when: it is a file or a process", "write { file = "),
        ('command = "x"', 'unknown key "command" in [init]', "it belongs in [program.NAME]"),
        ("stop_bugdet = 3", 'unknown key "stop_bugdet" in [init]', 'did you mean "stop_budget"?'),
        ('user = "none here"', 'user: there is no user "none here"', "make it in the image"),
        ('env_file = "none"', "env_file: cannot read", "make it"),
        ('env = { A = "${INSTANCE}" }', "env: cannot expand ${INSTANCE}: only programs", "leave"),
    ],
)
def test_what_init_cannot_be_is_an_error(tmp_path, lines, message, fix):
    line, found, hint = init_fault(tmp_path, lines)
    assert line == 1
    assert found.startswith(message)
    assert hint.startswith(fix)


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("[socket.http]", 'socket "http" listens nowhere', 'write "127.0.0.1:8080"'),
        ("[programs.web]", 'unknown key "programs"', "write [program.NAME], and"),
        ("command = 'x'", 'unknown key "command"', "it belongs in [program.NAME]"),
        ("limits = {}", 'unknown key "limits"', "it belongs in [init] or [program.NAME]"),
        ("umask = 1", 'unknown key "umask"', "it belongs in [init] or [program.NAME]"),
        ("zzz = 1", 'unknown key "zzz"', "known here: defaults, group, include, init"),
        ("init = 3", '"init" is no table', "write [section]"),
        ("defaults = []", '"defaults" is no table', "write [section]"),
        ("program = 3", '"program" is no table of tables', "write [program.NAME]"),
        ("[[program.web]]", '"web" is no table', "write [section]"),
        ("group = []", '"group" is no table of tables', "write [group.NAME]"),
        ('[program."a b"]\ncommand = "x"', '"a b" cannot be a name', "spaces, quotes"),
        (
            '[program.all]\ncommand = "x"',
            '"all" cannot be a name',
            "to pyinitctl it means every program: choose another",
        ),
        (
            "[group.all]\nprograms = []",
            '"all" cannot be a name',
            "to pyinitctl it means every program: choose another",
        ),
        (
            '[program.pyinit]\ncommand = "x"',
            '"pyinit" cannot be a name',
            "to pyinitctl it means pyinit itself: choose another",
        ),
        (
            "[group.pyinit]\nprograms = []",
            '"pyinit" cannot be a name',
            "to pyinitctl it means pyinit itself: choose another",
        ),
        ('[program.""]\ncommand = "x"', '"" cannot be a name', "spaces, quotes"),
        ('[program."a\\u0007"]\ncommand = "x"', '"a\a" cannot be a name', "spaces, quotes"),
        ('[program."a:b"]\ncommand = "x"', '"a:b" cannot be a name', "spaces, quotes"),
        ('[program.-a]\ncommand = "x"', '"-a" cannot be a name', "spaces, quotes"),
        ('[program."a=b"]\ncommand = "x"', '"a=b" cannot be a name', "spaces, quotes"),
        (
            '[program."web+"]\ncommand = "x"',
            '"web+" cannot be a name',
            "a + at the end marks the new run of a rolling restart: leave it out",
        ),
        ('[group."a*"]\nprograms = []', '"a*" cannot be a name', "spaces, quotes"),
    ],
)
def test_what_does_not_belong_into_a_file_is_an_error(tmp_path, text, message, fix):
    line, found, hint = fault_in(tmp_path, f"{text}\n")
    assert (line, found) == (1, message)
    assert hint.startswith(fix)


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("environment", "write env"),
        ("autorestart", "write restart"),
        ("WorkingDirectory", "write directory"),
        ("startsecs", "write start_seconds"),
        ("comand", 'did you mean "command"?'),
        ("drain_delay", "it belongs in [init]"),
        ("xyz", "known here: autostart"),
    ],
)
def test_keys_of_other_supervisors_are_translated(tmp_path, key, fix):
    text = f'[program.web]\ncommand = "x"\n{key} = 1\n'
    line, message, hint = fault_in(tmp_path, text)
    assert (line, message) == (3, f'unknown key "{key}" in [program.web]')
    assert hint.startswith(fix)
    assert fault_in(tmp_path, f"[defaults]\n{key} = 1\n")[2] == hint


def test_groups_name_their_programs_and_give_them_a_priority(tmp_path):
    text = PROGRAMS + '[program.own]\ncommand = "x"\npriority = 1\n'
    text += '[group.g]\nprograms = ["web", "own"]\npriority = 5\n[group.h]\nprograms = "db"\n'
    found = {p.name: (p.group, p.priority) for p in plan_of(tmp_path, text).processes}
    assert found == {"web": ("g", 5), "db": ("h", 999), "own": ("g", 1)}


@pytest.mark.parametrize(
    ("lines", "place", "message", "fix"),
    [
        ("", 1, 'group "g" has no programs', "write programs ="),
        ('programs = ["wbe"]', 2, 'group "g": there is no program "wbe"', "did you mean"),
        ('programs = ["web", "web"]', 2, 'program "web" is in group "g" already', "leave it out"),
        ("programs = [3]", 2, "programs: 3 is no text", "put it in quotes"),
        ('programs = []\npriority = "x"', 3, 'priority: "x" is no whole number', "unquoted"),
        ('programs = []\nprogram = "x"', 3, 'unknown key "program" in [group.g]', "did you mean"),
    ],
)
def test_a_group_that_makes_no_sense_is_an_error(tmp_path, lines, place, message, fix):
    line, found, hint = fault_in(tmp_path, f"[group.g]\n{lines}\n{PROGRAMS}")
    assert line == place
    assert found.startswith(message)
    assert hint.startswith(fix)


def test_a_group_that_is_called_like_a_program_that_is_not_in_it_is_warned_of(tmp_path):
    text = f'[group.web]\nprograms = ["db"]\n{PROGRAMS}'
    (warning,) = plan_of(tmp_path, text).warnings
    assert warning.startswith(
        f'{tmp_path}/pyinit.toml:1: group "web": program "web" has that name, too, and is not in it'
    )
    assert plan_of(tmp_path, text.replace('"db"', '"db", "web"')).warnings == ()


def test_a_program_of_no_instances_is_warned_of_and_so_are_those_that_need_it(tmp_path):
    text = f"{PROGRAMS}instances = 0\n"
    (warning,) = plan_of(tmp_path, text).warnings
    assert warning.startswith(f'{tmp_path}/pyinit.toml:5: program "db" has 0 instances\n  write')
    text += '[program.api]\ncommand = "x"\ndepends_on = "db"\n'
    assert '0 instances, and is not waited for by "api"\n' in plan_of(tmp_path, text).warnings[0]


def test_a_group_may_be_in_another_file_than_its_programs(tmp_path):
    one = written(tmp_path, '[group.g]\nprograms = ["web"]\n', "one.toml")
    two = written(tmp_path, PROGRAMS, "two.toml")
    assert load([one, two], ENVIRON).processes[0].group == "g"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ('"db"', (Dependency("db", "started"),)),
        ('["db"]', (Dependency("db", "started"),)),
        ('{ db = "ready" }', (Dependency("db", "ready"),)),
        ('{ db = "completed" }', (Dependency("db", "completed"),)),
        ('{ db = "done" }', (Dependency("db", "done"),)),
        ("{}", ()),
        ("[]", ()),
    ],
)
def test_dependencies_have_a_condition(tmp_path, value, wanted):
    text = f'[program.web]\ncommand = "x"\ndepends_on = {value}\n[program.db]\ncommand = "y"\n'
    assert plan_of(tmp_path, text).processes[0].depends == wanted


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ('depends_on = { db = { condition = "ready" } }', Dependency("db", "ready")),
        (
            'depends_on = { db = { condition = "done", timeout = "1m" } }',
            Dependency("db", "done", 60),
        ),
        ('wants = "db"', Dependency("db", "started", hard=False)),
        ('wants = ["db"]', Dependency("db", "started", hard=False)),
        ('wants = { db = "ready" }', Dependency("db", "ready", hard=False)),
        (
            'wants = { db = { condition = "ready", timeout = 5 } }',
            Dependency("db", "ready", 5, hard=False),
        ),
        ('wants = ["db"]\ndepends_on = { db = "ready" }', Dependency("db", "ready")),
    ],
)
def test_a_dependency_has_a_timeout_and_may_be_soft(tmp_path, lines, wanted):
    text = f'[program.web]\ncommand = "x"\n{lines}\n[program.db]\ncommand = "y"\n'
    assert plan_of(tmp_path, text).processes[0].depends == (wanted,)


@pytest.mark.parametrize("key", ["depends_on", "wants"])
def test_all_that_is_wrong_with_a_dependency_is_told_at_once(tmp_path, key):
    text = f"""\
        [program.web]
        command = "x"
        [program.web.{key}]
        db = "redy"
        none = "ready"
        neither = 3
        a = {{ condition = "up", timeout = 0, x = 1, timout = 2 }}
        b = {{ timeout = "soon" }}
        c = {{ conditoin = "ready" }}
        d = "ready"
        [program.db]
        command = "y"
        """
    text += "".join([f"[program.{name}]\ncommand = 'x'\n" for name in "abcd"])
    found = [(line, message) for line, message, _ in faults_in(tmp_path, text)]
    assert sorted(found) == sorted(
        [
            (4, f'{key}: "redy" is not known here'),
            (5, f'{key} of "web": there is no program "none"'),
            (6, f"{key}: 3 is not known here"),
            (6, f'{key} of "web": there is no program "neither"'),
            (7, f'{key}: "up" is not known here'),
            (7, f"{key}: nothing is there at once"),
            (7, f'{key}: unknown key "x"'),
            (7, f'{key}: unknown key "timout"'),
            (8, f"{key}: it has no condition"),
            (8, f'{key}: "soon" is no duration'),
            (9, f'{key}: unknown key "conditoin"'),
        ]
    )


def test_all_that_is_wrong_with_a_list_of_dependencies_is_told_at_once(tmp_path):
    text = '[program.web]\ncommand = "x"\ndepends_on = [\n"none",\n3,\n"neither",\nfalse]\n'
    assert [(line, message) for line, message, _ in faults_in(tmp_path, text)] == [
        (3, 'depends_on of "web": there is no program "none"'),
        (3, 'depends_on of "web": there is no program "neither"'),
        (5, "depends_on: 3 is no text"),
        (7, "depends_on: false is no text"),
    ]


@pytest.mark.parametrize(
    ("value", "message", "fix"),
    [
        ("{ timeout = 3 }", "it has no condition", "write { condition ="),
        ('{ condition = "ready", timeout = 0 }', "nothing is there at once", "leave it out"),
        (
            '{ condition = "up" }',
            '"up" is not known here',
            'did you mean "started"? (write one of "started"',
        ),
        ('{ condition = "ready", timout = 3 }', 'unknown key "timout"', 'did you mean "timeout"?'),
    ],
)
def test_a_bad_dependency_is_told_with_its_fix(tmp_path, value, message, fix):
    text = (
        f'[program.web]\ncommand = "x"\nwants = {{ db = {value} }}\n[program.db]\ncommand = "y"\n'
    )
    line, found, hint = fault_in(tmp_path, text)
    assert line == 3
    assert message in found
    assert hint.startswith(fix)


def test_a_fault_of_what_is_only_wanted_is_told_there(tmp_path):
    text = f'{PROGRAMS}wants = {{ wbe = "ready" }}\n'
    wanted = (5, 'wants of "db": there is no program "wbe"', 'did you mean "web"?')
    assert fault_in(tmp_path, text) == wanted
    circle = f'{PROGRAMS}wants = ["db"]\n'
    _, message, _ = fault_in(tmp_path, circle)
    assert message == 'wants of "db": they wait for each other: db -> db'


@pytest.mark.parametrize(
    ("needed", "condition"),
    [
        ("autostart = false", "ready"),  # it is started for those that need it
        ("instances = 0", "ready"),
        ("instances = 3", "ready"),
        ('type = "oneshot"', "completed"),
        ('type = "oneshot"\nrestart = "always"', "completed"),
        ('type = "oneshot"', "ready"),
        ('restart = "always"', "done"),
        ("", "completed"),
    ],
)
def test_what_can_come_true_may_be_waited_for(tmp_path, needed, condition):
    text = f'[program.web]\ncommand = "x"\ndepends_on = {{ db = "{condition}" }}\n'
    assert plan_of(tmp_path, f'{text}[program.db]\ncommand = "y"\n{needed}\n').processes


@pytest.mark.parametrize(
    ("needed", "condition", "message", "fix"),
    [
        ('restart = "always"', "completed", '"db" is restarted always and never', "write db = "),
        ('restart = "always"\ninstances = 0', "completed", '"db" is restarted', "write db = "),
    ],
)
def test_what_never_comes_true_is_an_error(tmp_path, needed, condition, message, fix):
    text = f'[program.web]\ncommand = "x"\ndepends_on = {{\n db = "{condition}" }}\n'.replace(
        "{\n db", "{ db"
    )
    line, found, hint = fault_in(tmp_path, f'{text}[program.db]\ncommand = "y"\n{needed}\n')
    assert line == 3
    assert found.startswith(f'depends_on of "web": {message}')
    assert hint.startswith(fix)


@pytest.mark.parametrize("part", ["db:0", "db:*"])
def test_a_dependency_is_on_all_processes_of_a_program(tmp_path, part):
    text = f'[program.web]\ncommand = "x"\ndepends_on = "{part}"\n[program.db]\ncommand = "y"\n'
    assert fault_in(tmp_path, text) == (
        3,
        f'depends_on of "web": there is no program "{part}"',
        'write "db": a dependency is on all processes of a program',
    )


def test_a_dependency_on_nothing_is_an_error(tmp_path):
    text = f'{PROGRAMS}depends_on = {{ wbe = "ready" }}\n'
    wanted = (5, 'depends_on of "db": there is no program "wbe"', 'did you mean "web"?')
    assert fault_in(tmp_path, text) == wanted


def test_a_fault_of_a_dependency_in_defaults_is_told_there(tmp_path):
    text = f'[defaults]\n\ndepends_on = ["none"]\n{PROGRAMS}'
    found = faults_in(tmp_path, text)
    assert [line for line, *_ in found] == [3, 3]
    assert 'depends_on of "web": there is no program "none"' in [fault[1] for fault in found]


def chain(**needs):
    lines = [
        f'[program.{name}]\ncommand = "x"\ndepends_on = {needed}\n'
        for name, needed in needs.items()
    ]
    return "".join(lines)


@pytest.mark.parametrize(
    ("needs", "path"),
    [
        ({"a": ["a"]}, "a -> a"),
        ({"a": ["b"], "b": ["a"]}, "a -> b -> a"),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, "a -> b -> c -> a"),
        ({"a": ["b", "c"], "b": [], "c": ["a"]}, "a -> c -> a"),
    ],
)
def test_programs_that_wait_for_each_other_are_named_along_the_circle(tmp_path, needs, path):
    _, message, fix = fault_in(tmp_path, chain(**needs))
    first = path.partition(" ")[0]
    assert message == f'depends_on of "{first}": they wait for each other: {path}'
    assert fix == "leave one of the dependencies out"


def test_every_circle_is_named(tmp_path):
    found = faults_in(tmp_path, chain(a=["b"], b=["a"], c=["d"], d=["c"]))
    assert [line for line, *_ in found] == [3, 9]


def test_a_diamond_is_no_circle_and_a_long_chain_is_no_crash():
    assert cycles({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []
    assert cycles({"a": ["none"]}) == []
    long = {str(n): [str(n + 1)] for n in range(20_000)}
    assert cycles(long) == []
    assert len(cycles({**long, "20000": ["0"]})[0]) == 20_002


def test_a_compilation_is_bytes_that_give_the_plan_back(tmp_path):
    path = written(tmp_path, f'[init]\nenv = {{ A = "\u00e9" }}\n{PROGRAMS}')
    kind, content = marshal.loads(compile_plain([path], ENVIRON))
    assert kind == "plan"
    plan = from_plain(content, plan_kinds())
    assert isinstance(plan, Plan)
    assert plan == load([path], ENVIRON)


def test_a_plan_keeps_bytes_that_are_no_utf8(tmp_path):
    path = written(tmp_path, '[program.web]\ncommand = ["x", "${RAW}"]\n')
    _, content = marshal.loads(compile_plain([path], {"RAW": "\udcff"}))
    assert from_plain(content, plan_kinds()).processes[0].launch.argv == ("x", "\udcff")


def test_a_compilation_that_fails_is_all_faults(tmp_path):
    path = written(tmp_path, "x = 1\n[init]\nexit = 3\n")
    kind, rows = marshal.loads(compile_plain([path], ENVIRON))
    assert kind == "errors"
    assert [row[:2] for row in rows] == [[path, 1], [path, 3]]


def test_an_empty_file_is_a_plan_and_a_faulty_one_is_its_faults(tmp_path):
    kind, _ = marshal.loads(compile_plain([written(tmp_path, "")], None))
    assert kind == "plan"
    kind, _ = marshal.loads(compile_plain([written(tmp_path, 'x = "${A}"')], {}))
    assert kind == "errors"


@pytest.mark.parametrize("depth", [9, 21, 100, 300, 450, 700, 950, 5000, 100_000])
def test_no_nesting_is_deep_enough_to_crash_the_compiler(tmp_path, depth):
    for value in ("[" * depth + "]" * depth, "{ a = " * depth + "1" + " }" * depth):
        path = written(tmp_path, f'[program.web]\ncommand = "x"\nenv = {{ A = {value} }}\n')
        kind, content = marshal.loads(compile_plain([path], ENVIRON))
        assert kind == "errors"
        assert "nested too deep" in content[0][2]


def test_keys_of_any_depth_do_not_crash_the_compiler(tmp_path):
    for depth in (10, 100, 900, 20_000):
        path = written(tmp_path, f'[program.web]\ncommand = "x"\nenv.{"a." * depth}b = 1\n')
        kind, content = marshal.loads(compile_plain([path], ENVIRON))
        assert kind == "errors"
        assert "nested too deep" in content[0][2]
