"""Whom supervisorctl talks to: its command line, its file, and whose a URL is."""

import pytest

from pyinit.applets.supervisor_words import Unusable
from pyinit.applets.supervisorctl_http import place_of
from pyinit.applets.supervisorctl_local import leads_to
from pyinit.applets.supervisorctl_options import parse
from pyinit.applets.supervisorctl_session import Settings
from pyinit.applets.supervisorctl_shell import _parse

NOWHERE = "/no/such/bin/supervisorctl"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory in which nothing is found by chance."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(here, text, *words, environ=None):
    (here / "x.conf").write_text(text)
    return parse(["-c", "x.conf", *words, "status"], NOWHERE, environ or {}).settings


def test_without_a_file_everything_is_the_default(here):
    assert parse(["status"], NOWHERE, {}).settings == Settings()


def test_the_file_says_where_the_server_is(here):
    text = """
[DEFAULT]
prompt = boss
[supervisorctl]
serverurl = unix://%(here)s/run/../x.sock  ; a comment
username: %(ENV_WHO)s
password = p%%w
history_file = ~/history
"""
    found = settings(here, text, environ={"WHO": "me"})
    assert found.url == f"unix://{here}/x.sock"
    assert found.named
    assert (found.username, found.password, found.prompt) == ("me", "p%w", "boss")
    assert found.history.endswith("/history")
    assert "~" not in found.history


def test_the_command_line_wins_over_the_file(here):
    text = "[supervisorctl]\nserverurl=http://a:1\nusername=a\npassword=b\n"
    words = ["-s", "http://c:2", "-u", "d", "-p", "e", "-r", "f", "-i"]
    found = settings(here, text, *words)
    assert (found.url, found.username, found.password) == ("http://c:2", "d", "e")
    assert (found.history, found.interactive) == ("f", True)


def test_a_file_without_an_address_names_none(here):
    found = settings(here, "[supervisorctl]\n")
    assert (found.url, found.named) == ("http://localhost:9001", False)


def test_the_file_is_found_where_supervisord_finds_its_own(here):
    (here / "etc").mkdir()
    (here / "etc" / "supervisord.conf").write_text("[supervisorctl]\nprompt=etc\n")
    assert parse(["status"], NOWHERE, {}).settings.prompt == "etc"
    (here / "supervisord.conf").write_text("[supervisorctl]\nprompt=top\n")
    assert parse(["status"], NOWHERE, {}).settings.prompt == "top"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[supervisord]\n", ".ini file does not include supervisorctl section"),
        ("x=1\n", "x.conf:1: File contains no section headers."),
        ("[supervisorctl]\nprompt=%(ENV_NO)s\n", "Format string '%(ENV_NO)s' for 'supervisorctl."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(here, text, message):
    with pytest.raises(Unusable) as caught:
        settings(here, text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("url", ["foo", "foo:", "http://", "://x", ""])
def test_what_is_no_url_is_refused(here, url):
    with pytest.raises(Unusable, match=f"value '{url}' is not a URL"):
        parse(["-s", url], NOWHERE, {})


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("unix:///run/x.sock", "/run/x.sock"),
        ("http://localhost:9001", ("localhost", 9001)),
        ("http://localhost", ("localhost", 80)),
        ("HTTP://me:pw@h:1/RPC2", ("h", 1)),
        ("http://[::1]:9001/", ("::1", 9001)),
        ("http://[::1]", ("::1", 80)),
    ],
)
def test_a_url_leads_to_a_place(url, place):
    assert place_of(url) == place


@pytest.mark.parametrize("url", ["https://x", "ftp://x", "unix:/x"])
def test_other_protocols_are_unknown(url):
    with pytest.raises(ValueError, match=f"Unknown protocol for serverurl {url}"):
        place_of(url)


@pytest.mark.parametrize(
    ("url", "door", "own"),
    [
        ("unix:///run/x.sock", "unix:/run/x.sock", True),
        ("unix:///run/../run/x.sock", "unix:/run/x.sock", True),
        ("unix:///run/y.sock", "unix:/run/x.sock", False),
        ("http://localhost:9001", "tcp:127.0.0.1:9001", True),
        ("http://127.0.0.1:9001/", "tcp:0.0.0.0:9001", True),
        ("http://localhost:9001", "tcp:[::]:9001", True),
        ("http://10.0.0.7:9001", "tcp:10.0.0.7:9001", True),
        ("http://10.0.0.8:9001", "tcp:10.0.0.7:9001", False),
        ("http://10.0.0.8:9001", "tcp:0.0.0.0:9001", False),
        ("http://localhost:9001", "tcp:10.0.0.7:9001", False),
        ("http://localhost:9002", "tcp:127.0.0.1:9001", False),
        ("http://localhost:9001", "unix:/run/x.sock", False),
        ("unix:///run/x.sock", "tcp:127.0.0.1:9001", False),
    ],
)
def test_it_is_known_whose_a_url_is(url, door, own):
    assert leads_to(url, door) is own


def test_lines_are_taken_apart_as_python_s_cmd_takes_them():
    lines = ["status", "status  a b ", "status:", "?start", "? start", "!ls", "st-op x", "EOF"]
    assert [_parse(line.strip()) for line in lines] == [
        ("status", ""),
        ("status", "a b"),
        ("status", ":"),
        ("help", "start"),
        ("help", "start"),
        ("", "!ls"),
        ("st", "-op x"),
        ("EOF", ""),
    ]
