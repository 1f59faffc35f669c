"""completion: what may come next, and the shells that ask for it."""

import os
import pty
import select
import shutil
import subprocess
import time

import pytest
from tools import WITHIN_S, command_in, ctl

from pyinit.cli.complete import complete
from pyinit.cli.verbs import PLAIN, VERBS
from pyinit.config.limits import RESOURCES

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], sorted(VERBS)),
        ([""], sorted(VERBS)),
        (["sta"], ["start", "status"]),
        (["--json", "rel"], ["reload"]),
        (["-s", "/x", "stat"], ["status"]),
        (["--socket=/x", "stat"], ["status"]),
        (["-j", "--ver"], ["--version"]),
        (["reload", "--d"], ["--dry-run"]),
        (["wait", "--for", "st"], ["started", "stopped"]),
        (["wait", "--for=comp"], ["--for=completed"]),
        (["logs", "--stream", ""], ["stderr", "stdout"]),
        (["logs", "-n", ""], []),
        (["logs", "-n", "5", "--fol"], ["--follow"]),
        (["signal", "US"], ["USR1", "USR2"]),
        (["limits", "web", "no"], ["nofile="]),
        (["completion", ""], sorted(SHELLS)),
        (["completion", "bash", ""], []),
        (["reload", ""], []),
        (["nothing", ""], []),
        (["check", "--", "-"], []),
        (["--wrong", "sta"], ["start", "status"]),
        (["reload", "--dry-run=x"], []),
        (["-", ""], []),
    ],
)
def test_a_word_is_completed(tmp_path, monkeypatch, words, wanted):
    monkeypatch.chdir(tmp_path)
    assert complete(words) == wanted


def test_every_verb_and_option_is_completed():
    assert complete([""]) == sorted(VERBS)
    for name, verb in VERBS.items():
        options = {each for option in (*verb.options, *PLAIN) for each in option.names}
        assert complete([name, "-"]) == sorted(options)
    assert complete(["limits", "web", ""]) == sorted(f"{name}=" for name in RESOURCES)


def test_paths_are_completed_where_files_are_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.toml").write_text("")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "pyinit.toml").write_text('[program.web]\ncommand = "x"\n[program.db]\n')
    assert complete(["check", ""]) == ["conf.d/", "pyinit.toml"]
    assert complete(["check", "pyinit.toml", "conf.d/"]) == ["conf.d/a.toml"]
    assert complete(["check", ".h"]) == [".hidden"]
    assert complete(["check", f"{tmp_path}/c"]) == [f"{tmp_path}/conf.d/"]
    assert complete(["check", "none/"]) == []
    assert complete(["-s", "py"]) == ["pyinit.toml"]
    assert complete(["show", "py"]) == ["pyinit.toml"]
    assert complete(["show", "pyinit.toml", ""]) == []  # it has faults
    (tmp_path / "pyinit.toml").write_text('[program.web]\ncommand = "x"\ninstances = 2\n')
    assert complete(["show", "pyinit.toml", ""]) == ["web"]
    assert complete(["show", "pyinit.toml", "web", ""]) == []


def test_without_a_supervisor_there_are_no_names(tmp_path):
    assert complete(["-s", f"{tmp_path}/none.sock", "stop", ""]) == []


def test_other_shells_are_a_usage_error():
    code, out, err = ctl("completion", "tcsh")
    assert (code, out) == (2, "")
    assert "no completion for 'tcsh'\n  known: bash, zsh, fish" in err
    assert ctl("completion", "bash", "x")[0] == 2


def test_the_shells_ask_with_words():
    assert ctl("completion", "words", "--", "reload", "--dr") == (0, "--dry-run\n", "")


@pytest.fixture
def place(tmp_path):
    """A directory with a configuration, and the environment that finds pyinitctl."""
    (tmp_path / "a.toml").write_text('[program.web]\ncommand = "x"\n')
    (tmp_path / "conf.d").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    path = command_in(tmp_path)
    return tmp_path, {"PATH": path, "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def bash_replies(place, line):
    directory, env = place
    script = """
    eval "$(pyinitctl completion bash)"
    COMP_LINE=$1 COMP_POINT=${#1}
    _pyinitctl pyinitctl 2>/dev/null
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    found = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", line],
        capture_output=True, text=True, check=True, timeout=WITHIN_S, cwd=directory, env=env,
    )  # fmt: skip
    return found.stdout.split()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("pyinitctl sta", ["start", "status"]),
        ("pyinitctl reload --d", ["--dry-run"]),
        ("pyinitctl reload --con", ["--container", "--context"]),
        ("pyinitctl fleet ", ["status"]),
        ("pyinitctl check a", ["a.toml"]),
        ("pyinitctl show a.toml ", ["web"]),
        ("pyinitctl wait --for=re", ["ready"]),  # readline has the rest already
        ("pyinitctl completion ", ["bash", "fish", "zsh"]),
        ("pyinitctl nothing ", []),
    ],
)
def test_bash_completes(place, line, wanted):
    assert bash_replies(place, line) == wanted


def typed(place, words, keys, until):
    """Type `keys` into an interactive shell until it shows a text."""
    directory, env = place
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execvpe(words[0], words, env)
    shown = b""
    deadline = time.monotonic() + WITHIN_S
    keys = list(keys)
    try:
        while until not in shown and time.monotonic() < deadline:
            if keys and keys[0][0] in shown:
                os.write(fd, keys.pop(0)[1])
            if select.select([fd], [], [], 0.1)[0]:
                shown += os.read(fd, 4096)
    finally:
        os.close(fd)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return shown


def test_a_tab_completes_in_a_real_bash(place):
    keys = [
        (b"", b'PS1="n""ow> "; eval "$(pyinitctl completion bash)"\n'),
        (b"\nnow> ", b"pyinitctl comp\t"),
        (b"pyinitctl completion ", b"fi\t"),
    ]
    words = ["bash", "--norc", "--noprofile", "-i"]
    shown = typed(place, words, keys, b"pyinitctl completion fish ")
    assert b"pyinitctl completion fish " in shown


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh here")
def test_a_tab_completes_in_a_real_zsh(place):
    keys = [
        (b"", b'PS1="n""ow> "; autoload -U compinit; compinit -u -D\n'),
        (b"now> ", b'eval "$(pyinitctl completion zsh)"; PS1="th""en> "\n'),
        (b"then> ", b"pyinitctl comp\t"),
        (b"pyinitctl completion", b"fi\t"),
    ]
    env = {**place[1], "TERM": "xterm"}
    shown = typed((place[0], env), ["zsh", "-f", "-i"], keys, b" fish")
    assert b" fish" in shown


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish here")
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("pyinitctl comp", ["completion"]),
        ("pyinitctl completion ", ["bash", "fish", "zsh"]),
        ("pyinitctl show a.toml w", ["web"]),
    ],
)
def test_fish_completes(place, line, wanted):
    directory, env = place
    script = f"pyinitctl completion fish | source; complete -C '{line}'"
    found = subprocess.run(
        ["fish", "--no-config", "-c", script],
        capture_output=True, text=True, check=True, timeout=WITHIN_S, cwd=directory, env=env,
    )  # fmt: skip
    assert found.stdout.split() == wanted
