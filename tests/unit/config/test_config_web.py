"""[web]: where the gateway listens, who may come in, and that passwords are never shown."""

import pwd

import pytest
from configs import ENVIRON, fault_in, faults_in, plan_of, written

from pyinit.config.effective import effective
from pyinit.config.load import load
from pyinit.core.plan_listen import Door, WebPlan

SALTED = "{SSHA256}" + "A" * 48
HASHED = "{SHA}" + "0" * 40


def web_of(tmp_path, lines, environ=ENVIRON):
    return plan_of(tmp_path, f"[web]\n{lines}\n", environ).web


def web_fault(tmp_path, lines):
    line, message, fix = fault_in(tmp_path, f"[web]\n{lines}\n")
    return line - 1, message, fix


def test_without_the_table_nothing_listens(tmp_path):
    assert plan_of(tmp_path, "").web is None


def test_every_key_arrives(tmp_path):
    for name in ("cert.pem", "key.pem"):
        written(tmp_path, "x", name)
    web = web_of(
        tmp_path,
        """
listen = ["unix:web.sock", "9001", "[::1]:80"]
username = "admin"
password = "${NAME}-secret"
read_only = true
rpc = false
mode = "0660"
owner = "nobody"
tls_cert = "cert.pem"
tls_key = "key.pem"
idle_exit = "30s"
""",
    )
    nobody = pwd.getpwnam("nobody")
    same = (0o660, nobody.pw_uid, nobody.pw_gid, "admin", "value-secret", True)
    assert web == WebPlan(
        (
            Door(f"unix:{tmp_path}/web.sock", *same),
            Door("tcp:0.0.0.0:9001", *same),
            Door("tcp:[::1]:80", *same),
        ),
        30.0,
        False,
        f"{tmp_path}/cert.pem",
        f"{tmp_path}/key.pem",
    )


def test_the_last_file_wins_key_by_key(tmp_path):
    one = written(tmp_path, '[web]\nlisten = "127.0.0.1:1"\nread_only = true\n', "one.toml")
    two = written(tmp_path, '[web]\nlisten = "127.0.0.1:2"\n', "two.toml")
    assert load([one, two], ENVIRON).web.doors == (Door("tcp:127.0.0.1:2", read_only=True),)


@pytest.mark.parametrize("listen", ["127.0.0.1:9001", "localhost:9001", "[::1]:1", "unix:/x"])
def test_within_this_machine_no_password_is_needed(tmp_path, listen):
    assert web_of(tmp_path, f'listen = "{listen}"').doors[0].password == ""


@pytest.mark.parametrize("listen", ["9001", ":9001", "0.0.0.0:9001", "[::]:9001", "10.0.0.1:80"])
def test_beyond_this_machine_a_password_is_needed_unless_insecure_says_so(tmp_path, listen):
    line, message, fix = web_fault(tmp_path, f'listen = ["unix:/x", "{listen}"]')
    assert line == 1
    assert message.startswith("listen: whoever reaches ")
    assert message.endswith(" would need no password")
    assert fix.endswith("or insecure = true")
    assert web_of(tmp_path, f'insecure = true\nlisten = "{listen}"').doors[0].username == ""
    secured = f'listen = "{listen}"\nusername = "a"\npassword = "b"'
    assert web_of(tmp_path, secured).doors[0].password == "b"


@pytest.mark.parametrize("password", ["plain", HASHED, SALTED, "a{SHA}", "spa ce:"])
def test_a_password_is_kept_as_it_is_written(tmp_path, password):
    lines = f'listen = "9001"\nusername = "a"\npassword = "{password}"'
    assert web_of(tmp_path, lines).doors[0].password == password


@pytest.mark.parametrize("text", ["from-file", "from-file\n", "from-file\r\n\n"])
def test_a_password_may_be_in_a_file_beside_the_configuration(tmp_path, text):
    written(tmp_path, text, "secret/web")
    lines = 'listen = "9001"\nusername = "a"\npassword_file = "secret/web"'
    assert web_of(tmp_path, lines).doors[0].password == "from-file"


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        ("", 0, "the gateway listens nowhere"),
        ("listen = []", 1, "listen: the list is empty"),
        ('listen = "9001"\ninsecure = 1', 2, "insecure: 1 is neither true nor false"),
        ('listen = ["unix:/a", "unix:/a"]', 1, 'listen: "unix:/a" is there twice'),
        ('listen = "unix:"', 1, 'listen: "unix:" names no socket'),
        (f'listen = "unix:/{"x" * 107}"', 1, 'listen: "/xxx'),
        ('listen = "127.0.0.1"', 1, 'listen: cannot listen at "127.0.0.1": not a valid port number'),
        ('listen = "127.0.0.1:0"', 1, 'listen: cannot listen at "127.0.0.1:0": 0 is below'),
        ('listen = "unix:/a"\nusername = "a"', 0, "there is no password_file"),
        ('listen = "unix:/a"\npassword = "a"', 0, "there is no username"),
        ('listen = "unix:/a"\nusername = "a:b"\npassword = "a"', 2, "username: a colon ends"),
        ('listen = "unix:/a"\nusername = "a"\npassword = "a"\npassword_file = "p"', 3,
         "password and password_file: one is enough"),
        ('listen = "unix:/a"\nusername = "a"\npassword_file = "p"', 3, "password_file: cannot read"),
        ('listen = "unix:/a"\ntls_cert = "p"\ntls_key = "p"', 2, 'tls_cert: there is no "'),
        ('listen = "unix:/a"\ntls_key = "/dev/null"', 2, "tls_key: it needs tls_cert"),
        ('listen = "unix:/a"\nlisen = "b"', 2, 'unknown key "lisen" in [web]'),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(tmp_path, lines, line, message):
    faults = faults_in(tmp_path, f"[web]\n{lines}\n")
    assert any(found - 1 == line and text.startswith(message) for found, text, _ in faults), faults
    assert all(fix for *_, fix in faults)


@pytest.mark.parametrize("listen", ["127.0.0.1:9001", ":9001", "unix:/run/web.sock"])
def test_the_gateway_cannot_listen_where_a_socket_of_programs_does(tmp_path, listen):
    text = f'[socket.a]\nlisten = "{listen}"\n[program.a]\ncommand = "a"\nsockets = "a"\n'
    doors = '[web]\nlisten = ["unix:/run/web.sock", "127.0.0.1:9001"]\n'
    line, message, fix = fault_in(tmp_path, text + doors)
    assert (line, message) == (7, 'listen: socket "a" is there already')
    assert fix == "choose another place for one of them"


@pytest.mark.parametrize("password", ['"{SHA}hush"', '"{SSHA256}hush"', '""', "4711"])
def test_a_password_that_cannot_be_is_told_without_showing_it(tmp_path, password):
    lines = f'listen = "unix:/a"\nusername = "a"\npassword = {password}'
    line, message, fix = web_fault(tmp_path, lines)
    assert line == 3
    assert "hush" not in message + fix
    assert "4711" not in message + fix


def test_a_file_of_more_than_a_password_is_refused_without_showing_it(tmp_path):
    written(tmp_path, "hush\nhush\n", "p")
    lines = 'listen = "unix:/a"\nusername = "a"\npassword_file = "p"'
    _, message, _ = web_fault(tmp_path, lines)
    assert message == f'password_file: "{tmp_path}/p" has more than one line'


def test_the_effective_configuration_masks_the_password(tmp_path):
    file = written(tmp_path, '[web]\nlisten = "9001"\nusername = "a"\npassword = "hush"\n')
    seen = []

    def mask(name, value):
        seen.append((name, value))
        return "***" if name == "password" else value

    found = {each.key: each for each in effective([file], ENVIRON, mask).web}
    assert found["password"].value == '"***"'
    assert (found["listen"].value, found["listen"].line) == ('"9001"', 2)
    assert found["idle_exit"].kind == "default"
