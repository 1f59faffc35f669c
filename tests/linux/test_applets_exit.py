"""The exit status of a wrapped command: every one of them, every death, and commands there are not.

Each is run under the genuine program and under ours, which must say and return the same.
"""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from genuine import agree, agree_on_lines, both, new_pid_namespace

PROGRAMS = ["tini", "dumb-init"]
STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
IGNORED = (signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH)
FEW = (0, 1, 2, 42, 127, 128, 143, 255)


def options(program):
    return ["-s", "--"] if program == "tini" else ["--"]


def every(function, numbers):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, numbers))


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_of_the_256_statuses_comes_through(program):
    def status(code):
        return both(program)[1].run(*options(program), "sh", "-c", f"exit {code}").code

    assert every(status, range(256)) == list(range(256))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_death_by_any_signal_is_128_and_its_number(program):
    numbers = [n for n in range(1, signal.NSIG) if n not in (*STOPS, *IGNORED)]

    def death(number):
        command = ["sh", "-c", f"ulimit -c 0; kill -{number} $$; exit 3"]
        theirs, ours = [side.run(*options(program), *command) for side in both(program)]
        return number, theirs.code, ours.code

    assert every(death, numbers) == [(n, 128 + n, 128 + n) for n in numbers]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("code", FEW)
def test_a_status_comes_through_from_pid_1_of_a_namespace(program, code):
    outcome = agree(program, "sh", "--", "-c", f"exit {code}", under=new_pid_namespace())
    if program == "tini":
        assert (outcome.code, outcome.err) == (code, b"")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", [1, 6, 9, 11, 15, 34, 64])
def test_a_death_comes_through_from_pid_1_of_a_namespace(program, number):
    command = ["sh", "-c", f"ulimit -c 0; kill -{number} $$"]
    assert agree(program, "--", *command, under=new_pid_namespace()).code == 128 + number


@pytest.mark.parametrize("code", range(0, 256, 17))
def test_a_status_that_tini_is_to_expect_becomes_0(code):
    expected = ["-e", str(code), "-e", "143"]
    outcome = agree("tini", "-s", *expected, "--", "sh", "-c", f"exit {code}")
    assert outcome.code == 0


@pytest.mark.parametrize("number", [1, 2, 9, 15, 34, 64])
def test_tini_expects_a_death_by_its_number_and_128(number):
    command = ["sh", "-c", f"kill -{number} $$"]
    assert agree("tini", "-s", "-e", str(128 + number), "--", *command).code == 0
    assert agree("tini", "-s", "-e", str(number), "--", *command).code == 128 + number


@pytest.mark.parametrize("verbosity", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("way", ["options", "environment"])
@pytest.mark.parametrize("command", ["exit 5", "kill -KILL $$", "kill -36 $$"])
def test_tini_tells_of_the_end_at_each_verbosity(verbosity, way, command):
    env, words = {"TINI_VERBOSITY": str(verbosity)}, ["-s"]
    if way == "options":
        env, words = {}, ["-s", *["-v"] * (verbosity - 1)]
    agree_on_lines("tini", *words, "--", "sh", "-c", command, env=env)


@pytest.mark.parametrize(
    "value", ["", "x", "-1", "3x", " 3", "+2", "4294967297", "4294967295", "99999999999999999999"]
)
def test_tini_reads_an_odd_verbosity_as_atoi_does(value):
    agree_on_lines("tini", "-v", "true", env={"TINI_VERBOSITY": value})


@pytest.mark.parametrize("environ", [{}, {"DUMB_INIT_DEBUG": "1"}])
@pytest.mark.parametrize("flags", [[], ["-c"], ["-v"], ["-cv"]])
@pytest.mark.parametrize("command", ["exit 5", "kill -KILL $$", "kill -36 $$"])
def test_dumb_init_tells_of_the_end_when_debugging(flags, environ, command):
    agree("dumb-init", *flags, "sh", "-c", command, env=environ)


# --- commands: found, not found, not executable


@pytest.fixture
def place(tmp_path):
    """A directory with all kinds of files in it, two of them directories for PATH."""
    script = '#!/bin/sh\nprintf \'%s\\n\' "$0" "$@"\n'
    for where, name, text, mode in [
        (".", "a-script", script, 0o755),
        (".", "bare", script.partition("\n")[2], 0o755),
        (".", "empty", "", 0o755),
        (".", "plain", script, 0o644),
        (".", "lost", "#!/no/such/interpreter\n", 0o755),
        (".", "noise", "\x7fELF\x01\x02\x03garbage", 0o755),
        ("one", "both", script, 0o644),
        ("two", "both", script, 0o755),
        ("one", "refused", script, 0o644),
        ("one", "first", script, 0o755),
        ("two", "first", "#!/bin/sh\nexit 9\n", 0o755),
    ]:
        (tmp_path / where).mkdir(exist_ok=True)
        (tmp_path / where / name).write_text(text, encoding="latin-1")
        (tmp_path / where / name).chmod(mode)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "two" / "sub").mkdir()
    return tmp_path


LOOKED_FOR = [
    *("./a-script", "./bare", "./empty", "./plain", "./lost", "./noise", "./loop", "./dangling"),
    *(
        "./one",
        "one/both",
        "two/both",
        "both",
        "refused",
        "first",
        "sub",
        "a-script",
        "bare",
        "lost",
    ),
    *("loop", "plain", "a-script/x", "./a-script/x", ".", "..", "/", "", "nowhere", "./\xe9"),
]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", LOOKED_FOR)
def test_a_command_is_found_where_the_c_library_finds_it(program, name, place):
    path = f"{place}/one:{place}/two"
    words = [*options(program), name, "a b", ""]
    agree(program, *words, env={"PATH": path}, cwd=place)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["a-script", "bare", "both", "plain", "true"])
@pytest.mark.parametrize(
    "path", ["", ":", "one:", ":one", "one::two", "two", "/none", "a-script", "one:a-script:two"]
)
def test_every_form_of_a_path_is_searched_alike(program, name, path, place):
    agree(program, *options(program), name, env={"PATH": path}, cwd=place)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["true", "a-script", "no-such-program"])
def test_without_a_path_the_standard_places_are_searched(program, name, place):
    under = ["env", "-u", "PATH"]
    agree(program, *options(program), name, under=under, cwd=place)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes capabilities away: needs root")
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["first", "true", "no-such-program"])
def test_a_directory_that_may_not_be_searched_is_a_refusal(program, name, place):
    (place / "one").chmod(0)
    under = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    env = {"PATH": f"{place}/one:/usr/bin:/bin"}
    outcome = agree(program, *options(program), name, under=under, env=env)
    if name == "first" and program == "tini":
        assert outcome.code == 126
