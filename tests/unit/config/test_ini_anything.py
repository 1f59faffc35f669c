"""Whatever a supervisord file holds, there is a plan or a list of faults, and never a crash."""

from configs import ENVIRON, written
from hypothesis import HealthCheck, given, settings
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


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(BLOCK, max_size=6))
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
