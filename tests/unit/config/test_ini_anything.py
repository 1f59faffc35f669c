"""Whatever a supervisord file holds, there is a plan or a list of faults, and never a crash."""

from configs import ENVIRON, written
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyinit.config import ini_options
from pyinit.config.ini_convert import convert
from pyinit.config.ini_show import shown
from pyinit.config.load import load
from pyinit.config.problems import ConfigErrors
from pyinit.core.plan import Plan, plan_kinds
from pyinit.core.record import from_plain, to_plain

KINDS = [name for name in ini_options.KINDS if name not in ini_options.NAMED]
SECTIONS = [*KINDS, "DEFAULT", *[f"{kind}:{name}" for kind in ini_options.NAMED for name in "ab"]]
SECTIONS += ["rpcinterface:supervisor", "unix_http_server:x", "nonsense", "program:", "group:a b"]
OPTIONS = sorted({option for options in ini_options.KINDS.values() for option in options})
OPTIONS += ["limits_nofile", "limits_nothing", "logfile", "http_port", "startsec", "-x"]
VALUES = st.one_of(
    st.sampled_from(
        (
            *("", "1", "-1", "0", "true", "no", "x", "a b", "a,b", "a:b", "9001", "5MB", "NONE"),
            *("AUTO", "syslog", "/dev/stdout", "/tmp/x", "~/x", "TERM", "root", "nobody:nobody"),
            *("unix:///tmp/s", "tcp://127.0.0.1:1", "TICK_5,x", "%(here)s", "%(process_num)02d"),
            *("%(ENV_NAME)s", "%(ENV_NONE)s", "%(ENV_NONE:-1)s", "%", "%s", "%%", "'", 'K="v",L=1'),
            *(
                "supervisor.rpcinterface:make_main_rpcinterface",
                "99999999999999999999",
                "\x00",
                "é",
            ),
            *("main:a", "fail-fast", "10s", "1:2", ">=3", "unlimited", "root:read", "[::1]:80"),
        )
    ),
    st.text(max_size=8),
)
BLOCK = st.tuples(
    st.sampled_from(SECTIONS), st.lists(st.tuples(st.sampled_from(OPTIONS), VALUES), max_size=5)
)


def text_of(blocks):
    lines = ["[supervisord]"]
    for section, options in blocks:
        lines.append(f"[{section}]")
        lines += [f"{option} = {value}" for option, value in options]
        if section.startswith(("program:", "eventlistener:", "fcgi-program:")):
            lines.append("command = x")
    return "\n".join(lines) + "\n"


BOOLEANS = ("true", "no", "ON", "0")
NUMBERS = ("0", "1", "7", "100")
SIZES = ("0", "10", "64KB", "1gb")
FILES = ("AUTO", "none", "/dev/stdout", "/dev/stderr", "/dev/null", "/tmp/%(program_name)s.log")
GOOD = {
    "command": ("x", "x 'a b' $HOME ${A}", "x %(ENV_NAME)s", "'%(ENV_NAME)s %(ENV_NONE:-1)s' y"),
    "directory": ("/", "/%(program_name)s", "here"),
    "umask": ("022", "0o77"),
    "priority": ("1", "999", "-5"),
    "autostart": BOOLEANS,
    "startsecs": NUMBERS,
    "startretries": (*NUMBERS, "-1"),
    "autorestart": (*BOOLEANS, "unexpected"),
    "exitcodes": ("", "0", "0,7"),
    "stopsignal": ("TERM", "SIGINT", "quit", "9"),
    "stopwaitsecs": NUMBERS,
    "killasgroup": ("true", "on"),
    "user": ("root", "nobody", "12345"),
    "environment": ("", 'A="1",B=%(program_name)s', "C='%(ENV_NAME)s $HOME ${X}'", 'D="\'"'),
    "serverurl": ("AUTO", "http://a:1"),
    "stdout_logfile": FILES,
    "stderr_logfile": (*FILES, "syslog"),
    "stdout_logfile_maxbytes": SIZES,
    "stderr_logfile_backups": NUMBERS,
    "stdout_capture_maxbytes": SIZES,
    "stderr_events_enabled": BOOLEANS,
    "stdout_syslog": BOOLEANS,
}
PROGRAM = st.fixed_dictionaries(
    {}, optional={option: st.sampled_from(values) for option, values in GOOD.items()}
)
MAIN = st.fixed_dictionaries(
    {},
    optional={
        "nodaemon": st.sampled_from(BOOLEANS),
        "environment": st.sampled_from(("", 'NAME="own"', "E='%(ENV_NAME)s'")),
        "childlogdir": st.sampled_from(("/tmp", "/no/such")),
        "minfds": st.sampled_from(NUMBERS),
        "user": st.sampled_from(("root", "nobody")),
        "umask": st.just("027"),
        "directory": st.just("/srv"),
        "logfile": st.sampled_from(("/log", "/dev/stdout", "NONE")),
        "strip_ansi": st.sampled_from(BOOLEANS),
        "nocleanup": st.sampled_from(BOOLEANS),
    },
)


def lines_of(section, options):
    return [f"[{section}]", *[f"{option} = {value}" for option, value in options.items()]]


@settings(
    max_examples=80 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(MAIN, st.lists(st.tuples(PROGRAM, st.integers(0, 3)), max_size=5), st.integers(0, 3))
def test_what_is_good_is_a_plan_and_is_converted_to_another(tmp_path, main, programs, grouped):
    lines = lines_of("supervisord", main)
    for number, (options, count) in enumerate(programs):
        lines += lines_of(f"program:p{number}", {"command": "x", **options})
        if count > 1:
            lines += [f"numprocs = {count}", "process_name = %(program_name)s_%(process_num)02d"]
    if members := [f"p{number}" for number in range(len(programs))][:grouped]:
        lines += ["[group:g]", f"programs = {','.join(members)}", "priority = 3"]
    path = written(tmp_path, "\n".join(lines) + "\n", "supervisord.conf")
    plan = load([path], ENVIRON)
    assert len(plan.processes) == sum(max(1, count) for _, count in programs)
    assert from_plain(to_plain(plan), plan_kinds()) == plan
    converted = convert([path], ENVIRON)
    new = load([written(tmp_path, converted.text, "new.toml")], {**ENVIRON, "HOSTNAME": "h"})
    assert [what_matters(one) for one in new.processes] == [
        what_matters(one) for one in plan.processes
    ]


def what_matters(process):
    launch, restart = process.launch, process.restart
    env = {name: value for name, value in launch.env if name in {"A", "B", "C", "D", "E", "NAME"}}
    return (
        (launch.argv, launch.directory, launch.umask, launch.uid, launch.gid, env),
        (process.group, process.group_priority, process.priority, process.autostart),
        (restart.policy, restart.retries, process.success_codes, process.start_s, process.stop),
    )


@settings(
    max_examples=250 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(BLOCK, max_size=6))
@example([("pyinit", [("environment", "1")])])
@example([("include", [("files", "\x08")])])  # its name stands in a comment of what is converted
def test_any_sections_are_a_plan_or_faults(tmp_path, blocks):
    path = written(tmp_path, text_of(blocks), "supervisord.conf")
    try:
        plan = load([path], ENVIRON)
    except ConfigErrors as errors:
        assert errors.errors
        assert all(each.message for each in errors.errors)
        return
    assert isinstance(plan, Plan)
    assert from_plain(to_plain(plan), plan_kinds()) == plan
    names = [process.name for process in plan.processes]
    assert len(set(names)) == len(names)
    assert shown([path], ENVIRON, lambda _name, value: value).files == (path,)
    try:
        converted = convert([path], ENVIRON)
    except ConfigErrors:  # a variable that is not set, where a number has to be
        return
    load([written(tmp_path, converted.text, "new.toml")], {**ENVIRON, "NONE": "1", "HOSTNAME": "h"})
