"""`ready` and `live` that ask: what their targets become, and what is wrong with others."""

import pytest
from configs import plan_of, program_fault, program_of

from pyinit.config import program_probes
from pyinit.core.change import needs_new_run
from pyinit.core.plan import Live, Ready


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('http = ":8080"', ("http", "http://localhost:8080/")),
        ('http = ":8080/healthz"', ("http", "http://localhost:8080/healthz")),
        ('http = "0.0.0.0:80/a?b=c"', ("http", "http://localhost:80/a?b=c")),
        ('http = "http://127.0.0.1:8080/up"', ("http", "http://127.0.0.1:8080/up")),
        ('http = "https://db.internal/"', ("http", "https://db.internal/")),
        ('http = "http://[::1]/"', ("http", "http://[::1]/")),
        ('http = "http://[::1]:80/x:y"', ("http", "http://[::1]:80/x:y")),
        ('http = "unix:/run/app.sock"', ("http", "unix:/run/app.sock:/")),
        ('http = "unix:/run/app.sock:/up"', ("http", "unix:/run/app.sock:/up")),
        ('tcp = ":5432"', ("tcp", "localhost:5432")),
        ("tcp = 5432", ("tcp", "localhost:5432")),
        ('tcp = "[::]:5432"', ("tcp", "localhost:5432")),
        ('tcp = "[::1]:5432"', ("tcp", "[::1]:5432")),
        ('tcp = "db:05432"', ("tcp", "db:5432")),
        ('unix = "/run/app.sock"', ("unix", "/run/app.sock")),
        ('unix = "unix:/run/app.sock"', ("unix", "/run/app.sock")),
    ],
)
def test_a_target_is_what_can_be_connected_to(tmp_path, written, wanted):
    web = program_of(tmp_path, f"ready = {{ {written} }}")
    assert web.ready == Ready(*wanted)


@pytest.mark.parametrize("written", ['["/bin/ok", "-q"]', '"/bin/ok -q"'])
def test_a_command_is_words_however_it_is_written(tmp_path, written):
    web = program_of(tmp_path, f"ready = {{ exec = {written} }}")
    assert web.ready == Ready("exec", argv=("/bin/ok", "-q"))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('http = "8080/healthz"', 'http: "8080/healthz" has no port'),
        ('http = "http://host:0/"', 'http: "http://host:0/" has no port from 1 to 65535'),
        ('http = "ftp://host/"', 'http: "ftp://host/" is no URL of http'),
        ('http = "http://a b/"', 'http: "http://a b/" is no URL'),
        ('http = "http://u:p@host/"', 'http: "http://u:p@host/" has a user, and a probe has none'),
        ('http = "http://[zz]/"', 'http: "http://[zz]/" has no host that can be'),
        ('http = "unix:run"', 'http: "run" is no path from the root'),
        ('tcp = "5432x"', 'tcp: "5432x" has no port from 1 to 65535'),
        ('tcp = "a/b:80"', 'tcp: "a/b:80" has no host that can be'),
        ('tcp = ":99999"', 'tcp: ":99999" has no port from 1 to 65535'),
        ('unix = "app.sock"', 'unix: "app.sock" is no path from the root'),
        ("exec = []", "exec: it is empty"),
        ("exec = 3", "exec: 3 is no command"),
        ('exec = "x", tcp = ":1"', "ready: one kind is needed, not tcp and exec"),
        ('tcp = ":1", interval = 0', "interval: it takes some time"),
        ('timeout = "1s"', "ready: one kind is needed, there is none"),
        ('delay = "5s", timeout = "2s"', "delay: it is never ready within its timeout of 2 s"),
        ('delay = "30s"', "delay: it is never ready within its timeout of 30 s"),
    ],
)
def test_what_is_wrong_is_told_with_how_to_mend_it(tmp_path, written, message):
    line, text, fix = program_fault(tmp_path, f"ready = {{ {written} }}")
    assert (line, text) == (1, message)
    assert fix


def test_a_path_longer_than_the_kernel_takes_is_told(tmp_path):
    path = "/run/" + "x" * 110
    _, text, fix = program_fault(tmp_path, f'ready = {{ unix = "{path}" }}')
    assert text == f'unix: "{path}" is longer than the 107 bytes of a socket path'
    assert fix


def test_defaults_have_a_whole_probe_or_none(tmp_path):
    text = (
        '[defaults]\nready = { tcp = ":1", timeout = "9s" }\n'
        '[program.a]\ncommand = "a"\n[program.b]\ncommand = "b"\nready = { tcp = ":2" }\n'
    )
    first, second = plan_of(tmp_path, text).processes
    assert first.ready == Ready("tcp", "localhost:1", 9.0)
    assert second.ready == Ready("tcp", "localhost:2")


def test_every_kind_has_a_key():
    from pyinit.config import schema

    assert set(program_probes.READY_KINDS) <= set(schema.section("program.ready"))
    assert set(program_probes.LIVE_KINDS) <= set(schema.section("program.live"))


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('tcp = ":1"', Live("tcp", "localhost:1")),
        (
            'http = ":1", interval = "2s", timeout = 1, failures = 1, action = "stop"',
            Live("http", "http://localhost:1/", (), 2.0, 1.0, 1, "stop"),
        ),
        ('exec = "ok -q"', Live("exec", "", ("ok", "-q"))),
        ('unix = "/x", interval = "1ms", timeout = "1ms"', Live("unix", "/x", (), 0.05, 0.05)),
        (
            'watchdog = "30s", action = "exit"',
            Live("watchdog", "", (), 30.0, 0.0, 1, "exit"),
        ),
    ],
)
def test_what_live_says_is_in_the_plan(tmp_path, written, wanted):
    assert program_of(tmp_path, f"live = {{ {written} }}").live == wanted


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('action = "stop"', "live: one kind is needed, there is none"),
        ('tcp = ":1", watchdog = "1s"', "live: one kind is needed, not tcp and watchdog"),
        ('tcp = ":1", action = "reboot"', 'action: "reboot" is not known here'),
        ('tcp = ":1", failures = 0', "failures: 0 is no whole number from 1"),
        ('tcp = ":1", interval = 0', "interval: it takes some time"),
        ('tcp = ":1", timeout = 0', "timeout: it takes some time"),
        ("watchdog = 0", "watchdog: it takes some time"),
        ('watchdog = "1s", interval = "1s"', "interval: a watchdog has none"),
        ('watchdog = "1s", failures = 2', "failures: a watchdog has none"),
        ('fd = 3, tcp = ":1"', 'unknown key "fd" in [program.web.live]'),
    ],
)
def test_what_is_wrong_with_live_is_told(tmp_path, written, message):
    line, text, fix = program_fault(tmp_path, f"live = {{ {written} }}")
    assert (line, text) == (1, message)
    assert fix


def test_only_a_changed_watchdog_needs_a_new_run(tmp_path):
    """It is told by a variable how often it has to ping; probes are pyinit's own business."""
    plain = program_of(tmp_path, "")
    asked = program_of(tmp_path, 'live = { tcp = ":1" }\nmax_memory = "1GB"')
    pinged = [program_of(tmp_path, f"live = {{ watchdog = {n} }}") for n in (1, 2)]
    assert not needs_new_run(plain, asked)
    assert needs_new_run(plain, pinged[0])
    assert needs_new_run(*pinged)


@pytest.mark.parametrize(("written", "wanted"), [('"1MB"', 1 << 20), ("4096", 4096), ("0", 0)])
def test_a_bound_of_memory_is_in_bytes(tmp_path, written, wanted):
    assert program_of(tmp_path, f"max_memory = {written}").max_memory == wanted


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("a{99999999999999999999}", "the repetition number is too large"),
        ("(" * 1500 + ")" * 1500, "it is nested too deep"),
        ("[a", "unterminated character set at position 0"),
    ],
)
def test_what_no_expression_can_be_is_told_at_its_line(tmp_path, written, reason):
    line, message, fix = program_fault(tmp_path, f"ready = {{ output = '{written}' }}")
    assert (line, message) == (
        1,
        f'output: "{written[:80]}" is no regular expression: {reason}',
    )
    assert "re module" in fix


def test_an_expression_that_python_would_warn_of_is_taken_without_a_word(tmp_path, recwarn):
    assert program_of(tmp_path, "ready = { output = '[[]up' }").ready.target == "[[]up"
    assert not recwarn.list
