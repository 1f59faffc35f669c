"""What newcomers write, and how the message leads them to what they mean."""

import pytest
from configs import faults_of, plan_of, written

from pyinit.config import meant, meant_words, schema
from pyinit.config.load import load

PROGRAM = '[program.web]\ncommand = ["/bin/web"]\n'
TABLES = {
    'ready = "notify"': ('"ready" is no table', "write ready = { notify = true }"),
    'ready = "http://localhost:80/x"': (
        '"ready" is no table',
        'write ready = { http = "http://localhost:80/x" }',
    ),
    'ready = ":8080/healthz"': ('"ready" is no table', 'write ready = { http = ":8080/healthz" }'),
    'ready = ":5432"': ('"ready" is no table', 'write ready = { tcp = ":5432" }'),
    "ready = true": ('"ready" is no table', 'write ready = { http = ":8080/healthz" }'),
    'live = "exec"': ('"live" is no table', "write live = { exec = ... }"),
    'reload = "HUP"': ('"reload" is no table', 'write reload = { signal = "HUP" }'),
    'hooks = "/bin/x"': ('"hooks" is no table', "write hooks = { pre_start = ["),
    'capabilities = ["NET_RAW"]': (
        '"capabilities" is no table',
        'write capabilities = { keep = ["NET_RAW"] }',
    ),
    "stop = 10": (
        "stop: 10 alone is no signal",
        "write stop = { timeout = 10 }, or { signal = 10 }",
    ),
    'stop = "10s"': ('stop: "10s" alone is no signal', 'write stop = { timeout = "10s" }'),
    'env = ["A=1", "B-C=2 3"]': (
        "env: a list is no table",
        'write { A = "1", B-C = "2 3" }',
    ),
    'env = "A=1"': ('env: "A=1" is no table', 'write { A = "1" }'),
    "env = { A = true }": ("env: A: true is no text", 'put it in quotes: "true"'),
    'secrets = ["/run/secrets/db"]': (
        "secrets: a list is no table",
        'write { NAME = "/run/secrets/db" }',
    ),
    "limits = 65536": ("limits: 65536 is no table", "write { nofile = 65536 }"),
    'stdout = "/var/log/x.log"': (
        'stdout: "/var/log/x.log" is not known here',
        'write { file = "/var/log/x.log" }',
    ),
    'stdout = "/dev/null"': ('stdout: "/dev/null" is not known here', 'did you mean "null"?'),
}
VALUES = {
    'capabilities = { keep = ["NET_BIND"] }': (
        'keep: "NET_BIND" is no capability',
        'did you mean "NET_BIND_SERVICE"?',
    ),
    "nice = 30": ("nice: 30 is no whole number from -20 to 19", "it goes from -20 to 19"),
    'nice = "5"': ('nice: "5" is no whole number from -20 to 19', "unquoted, without a point"),
    'start_seconds = "5 sec"': ('start_seconds: "5 sec" is no duration', 'write "5s"'),
    'start_seconds = "1.5 minutes"': (
        'start_seconds: "1.5 minutes" is no duration',
        'write "1.5m"',
    ),
    'start_seconds = "soon"': (
        'start_seconds: "soon" is no duration',
        "write a number of seconds",
    ),
    "restart = true": ("restart: true is not known here", 'did you mean "always"?'),
    'restart = "unless-stopped"': (
        'restart: "unless-stopped" is not known here',
        'did you mean "always"?',
    ),
    'restart = "no"': ('restart: "no" is not known here', 'did you mean "never"?'),
    "restart = 5": ("restart: 5 is not known here", "write { max = 5 }"),
    'type = "simple"': ('type: "simple" is not known here', 'did you mean "service"?'),
    'type = "task"': ('type: "task" is not known here', 'did you mean "oneshot"?'),
    'limits = { nofile = "64k" }': ('limits: nofile: "64k" is no limit', "write 65536"),
    'type = "oneshot"\nschedule = "5m"': (
        'schedule: "5m" is no cron line, but a duration',
        'write schedule = { every = "5m" }',
    ),
    'depends_on = { db = "service_healthy" }\n[program.db]\ncommand = "x"': (
        'depends_on: "service_healthy" is not known here',
        'did you mean "ready"?',
    ),
    '[init]\nsignals = { USR2 = "web" }': (
        'signals: "web" is nothing a signal can do',
        'write "forward:web", "reload"',
    ),
    '[init]\nlog = "debug"': ('"log" is no table', 'write log = { level = "debug" }'),
    '[init]\nlog = "/x"': ('"log" is no table', 'write log = { file = "/x" }'),
    "[socket.http]\nlisten = 8080": ("listen: 8080 is no text", 'put it in quotes: "8080"'),
}
KEYS = {
    # supervisord's
    "autorestart": 'write restart = "always"',
    "stdout_logfile": 'write stdout = { file = "/path" }',
    "stderr_logfile_maxbytes": 'write stderr = { file = "/path", max_size',
    "startsecs": "write start_seconds",
    "stdout_events_enabled": "leave it out",
    # systemd's
    "ExecStart": "write command",
    "ExecStartPre": "write hooks = { pre_start",
    "Restart": 'did you mean "restart"?',
    "RestartSec": "write restart = { delay",
    "KillMode": "write stop = { kill",
    "LimitNOFILE": "write limits = { nofile",
    "EnvironmentFile": "write env_file",
    "NoNewPrivileges": "write no_new_privs",
    # of others, or of another place
    "stop_grace_period": "write stop = { timeout",
    "cap_drop": "write capabilities = { drop",
    "nofile": "write limits = { nofile",
    "pre_start": "write hooks = { pre_start",
    "timeout": "write stop = { timeout = ... } (live, ready, stop have it)",
    "factor": "write restart = { factor",
    "drain_delay": "it belongs in [init]",
}
FILES = {
    "[program]\ncommand = 'x'\nautostart = true": (
        "[program] has no name, so command is nobody's",
        "write [program.NAME] over it",
    ),
    "[group]\nprograms = ['x']": ("[group] has no name", "write [group.NAME] over it"),
    "[programs.web]\ncommand = 'x'": ('unknown key "programs"', "write [program.NAME]"),
    "['program:web']\ncommand = 'x'": ('unknown key "program:web"', "write [program.web]"),
    "[Service]\nExecStart = 'x'": ('unknown key "Service"', "write [program.NAME]"),
    "[supervisord]\nnodaemon = true": ('unknown key "supervisord"', "write [init]"),
    "[web]\nlisten = ':1'\ninsecure = true\ncommand = 'x'": (
        'unknown key "command" in [web]',
        "it belongs in [program.NAME]: [web] is the gateway's",
    ),
    "[web]\nport = 9001\nlisten = '127.0.0.1:9001'": (
        'unknown key "port" in [web]',
        'write listen = "127.0.0.1:9001"',
    ),
    "[init]\nlog_level = 'debug'": ('unknown key "log_level" in [init]', "write log = { level"),
    "command = 'x'": ('unknown key "command"', "it belongs in [program.NAME]"),
}
NO_TOML = {
    "[program.web]\ncommand = /bin/sleep 1": 'put texts in quotes: "/bin/sleep 1"',
    "[program.web]\nstart_seconds = 10s": 'put texts in quotes: "10s"',
    '[program.web]\ncommand: "x"': 'write command = "x"',
    "program:\n  web:\n    command: x": "write [program.NAME], then lines of key = value",
    "[program:web]\ncommand = 'x'": "write [program.web]; if this is a file of supervisord's",
    "[program.web\ncommand = 'x'": "close it: [program.web]",
    "; words\n[program.web]": "a comment begins with #",
    "// words\n[program.web]": "a comment begins with #",
    "[program.web]\nautostart = True": "write true",
    "[program.web]\nautostart = no": "write false",
    "[program.web]\nuser = null": "leave the key out",
    "[program.web]\nuser =": "write a value behind the equals sign",
    "[program.web]\ncommand = \u201cx\u201d": 'write straight quotes: command = "x"',
    "[program.web]\ncommand = 'x'\ncommand = 'y'": '"command" is there twice: leave one out',
    "[program.web]\na = 1\n[program.web]\nb = 2": "[program.web] is there twice",
    '[program.web]\nready = { output = "^\\d+ ok" }': (
        "write single quotes, which keep backslashes: '^\\d+ ok'"
    ),
    "[program.web]\nx = 'a": "see line 2: x = 'a",
    "[program.web]\nwhat is this": "see line 2: what is this",
}


@pytest.mark.parametrize(("lines", "told"), [*TABLES.items(), *VALUES.items()])
def test_the_fix_is_what_was_meant(tmp_path, lines, told):
    message, fix = told
    ((_, line, found, hint),) = faults_of(written(tmp_path, f"{PROGRAM}{lines}\n"))
    assert (line, found) == (
        3 + lines.startswith(("[", "type = 'oneshot'", 'type = "one')),
        message,
    )
    assert hint.startswith(fix)


@pytest.mark.parametrize(("key", "fix"), KEYS.items())
def test_a_key_of_others_leads_to_the_one_that_is_known(tmp_path, key, fix):
    ((_, _, message, hint),) = faults_of(written(tmp_path, f"{PROGRAM}{key} = 1\n"))
    assert message == f'unknown key "{key}" in [program.web]'
    assert hint.startswith(fix)


@pytest.mark.parametrize(("text", "told"), FILES.items())
def test_a_table_of_others_leads_to_the_one_that_is_known(tmp_path, text, told):
    message, fix = told
    ((_, _, found, hint),) = faults_of(written(tmp_path, text))
    assert found.startswith(message)
    assert hint.startswith(fix)


@pytest.mark.parametrize(("text", "fix"), NO_TOML.items())
def test_a_line_that_is_no_toml_leads_to_one_that_is(tmp_path, text, fix):
    ((_, _, message, hint),) = faults_of(written(tmp_path, text))
    assert message.startswith("it is not TOML: ")
    assert hint.startswith(fix)


def test_every_section_and_every_choice_that_is_led_to_is_there():
    assert {*meant_words.KEYS, *meant_words.TABLES} <= set(schema.SECTIONS)
    for section, words in meant_words.KEYS.items():
        known = schema.section(section)
        for word, told in words.items():
            assert word == word.lower(), word
            first = told.partition(" ")[0].strip("[].,;")
            inner = section == "" or told.startswith(("leave", "the name", "them"))
            assert inner or first in known, (section, word, told)
            assert word not in known, (section, word)


@pytest.mark.parametrize(
    ("command", "word", "fix"),
    [
        ('"cat /x | wc -l"', "|", "shell = true"),
        ('"cd /srv && ./run"', "&&", "shell = true"),
        ('["cd", "/srv", "&&", "./run"]', "&&", "shell = true"),
        ('"/bin/web > /x 2>&1"', ">", "shell = true"),
        ('"/bin/web 2>/dev/null"', "2>/dev/null", "shell = true"),
        ('"/bin/web &"', "&", "shell = true"),
        ('"/bin/a; /bin/b"', "/bin/a;", ""),
        ('"/bin/web -p $PORT"', "$PORT", "write ${PORT}"),
        ('["/bin/web", "-p=$PORT"]', "-p=$PORT", "write ${PORT}"),
        ('"/bin/web -h $(hostname)"', "$(hostname)", "shell = true"),
        ('"/bin/ls /tmp/*"', "/tmp/*", "shell = true"),
        ('"~/bin/web"', "~/bin/web", 'write "${HOME}/bin/web"'),
        ('"PORT=80 /bin/web"', "PORT=80", 'write env = { PORT = "80" }'),
        ('["/bin/web --port 80"]', "/bin/web --port 80", 'write ["/bin/web", "--port", "80"]'),
    ],
)
def test_what_only_a_shell_would_understand_is_warned_of(tmp_path, command, word, fix):
    text = f"[program.web]\ncommand = {command}\ninstances = 2\nenv = {{ A = '${{INSTANCE}}' }}\n"
    (warning,) = plan_of(tmp_path, text).warnings
    assert warning.startswith(f"{tmp_path}/pyinit.toml:2: [program.web] command: ")
    assert f'"{word}"' in warning
    assert fix in warning.partition("\n")[2]


@pytest.mark.parametrize(
    "command",
    [
        '["sh", "-c", "echo $X | cat && ls > /x"]',
        "\"/bin/sh -c 'echo $X | cat'\"",
        '"/bin/curl http://x/?a=b&c=d <title>"',
        '["/bin/grep", "^a$|b*", "-"]',
        '["/bin/web", "${PATH}", "a=b", "$", "5$", "*"]',
        '["/bin/web", "$$PORT"]',
        '"/bin/web a=b ~"',
        "\"nginx -g 'daemon off;'\"",
        "\"gosu web bash -c 'exec /bin/web $PORT && true;'\"",
        '["/opt/My App/web"]',
        '"/bin/web"',
    ],
)
def test_what_is_as_it_is_meant_is_not_warned_of(tmp_path, command):
    assert plan_of(tmp_path, f"[program.web]\ncommand = {command}\n").warnings == ()


@pytest.mark.parametrize(
    ("key", "table"),
    [
        *[(name, "hooks") for name in ("pre_start", "post_start", "pre_stop", "post_stop")],
        ("exec", "ready"),
        ("exec", "live"),
        ("command", "stop"),
        ("command", "reload"),
    ],
)
def test_a_command_beside_a_program_is_warned_of_as_well(tmp_path, key, table):
    head = '[program.web]\ncommand = "/bin/web"\ninstances = 2\nenv = { A = "${INSTANCE}" }\n'
    for value in ('"a b && c"', '["a", "b", "&&"]'):
        for text in (
            f"[program.web.{table}]\n{key} = {value}",
            f"\n{table} = {{ {key} = {value} }}",
        ):
            (warning,) = plan_of(tmp_path, f"{head}{text}\n").warnings
            place, _, fix = warning.partition("\n")
            told = f'[program.web.{table}] {key}: no shell reads it: "&&" is handed on as it is'
            assert place == f"{tmp_path}/pyinit.toml:6: {told}"
            assert fix.strip() == 'write ["/bin/sh", "-c", "..."]'
    quiet = f'[program.web.{table}]\n{key} = ["sh", "-c", "a && b"]\n'
    assert plan_of(tmp_path, head + quiet).warnings == ()


def test_what_defaults_say_is_warned_of_once_and_there(tmp_path):
    text = '[defaults]\nhooks = { pre_start = "a | b" }\n'
    text += "".join([f'[program.{name}]\ncommand = "/bin/web"\n' for name in "ab"])
    (warning,) = plan_of(tmp_path, text).warnings
    assert warning.startswith(f"{tmp_path}/pyinit.toml:2: [defaults.hooks] pre_start: no shell")


def test_a_shell_is_not_warned_of_what_it_understands(tmp_path):
    text = '[program.web]\nshell = true\ncommand = "cat $X | wc && ls > /x &"\n'
    assert plan_of(tmp_path, text).warnings == ()


def test_a_number_without_a_unit_is_seconds_as_a_text_too(tmp_path):
    for written_as in ("5", "5.0", '"5"', '"5s"', '"5000ms"'):
        text = f"{PROGRAM}stop = {{ timeout = {written_as} }}\n"
        (process,) = load([written(tmp_path, text)], {}).processes
        assert process.stop.timeout == 5.0


def test_a_word_that_nobody_has_leads_nowhere():
    assert meant.word("zzz", ("always", "never")) == ""
    assert meant.duration("5 parsecs") == meant.duration("sec") == ""
    assert meant.table("program.stdout", "stdout", 3) == "write [section] or { ... }"
