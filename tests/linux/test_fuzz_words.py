"""Whatever the words of a command line: a known exit status, and never a traceback or a hang."""

import os
import shutil

import pytest
from fuzz_zygote import NOT_CAUGHT, Zygote
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyinit.cli.verbs import COMMON, VERBS

MANY = settings(
    max_examples=25 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
BAD = (b"", b"-", b"--", b"---", b"-\xff", b"\xff\xfe", b"=", b"--=", b"\n", b" ", b"%s", b"-1")
BAD += (
    b"9" * 5000,
    b"x" * 9000,
    "-é".encode(),
    b"\x1b[31m",
    b"*",
    b"[",
    b"a:b:c",
    b"-h",
    b"--help",
)
BAD += (b"--version", b"-v", b"1e9", b"nan", b"inf", b"-0", b"\xed\xa0\x80", b"0x10", b"1_000")
FILES = (
    "good.toml",
    "bad.toml",
    "good.conf",
    "binary.toml",
    "empty.toml",
    "directory",
)
FILES += ("nothing.toml", "nul.conf", "latin.conf", "many.toml", "/dev/null", "/")
WORDS = st.sampled_from(BAD) | st.binary(max_size=12).map(lambda word: word.replace(b"\0", b""))
PATHS = st.sampled_from([name.encode() for name in FILES])


@pytest.fixture(scope="module")
def zygote(tmp_path_factory):
    place = tmp_path_factory.mktemp("words")
    contents = {
        "good.toml": b'[program.web]\ncommand = "true"\n',
        "bad.toml": b'[program.web]\ncomand = "true"\nstop = { signal = "NOPE" }\n',
        "good.conf": b"[supervisord]\n[program:web]\ncommand=/bin/true\nstartsecs=0\n",
        "binary.toml": bytes(range(256)) * 20,
        "empty.toml": b"",
        "nul.conf": b"[program:a]\ncommand=a\0b\n[supervisorctl]\nserverurl=\0\n",
        "latin.conf": "[program:é]\ncommand=é\n[supervisorctl]\nprompt=é\n".encode("latin-1"),
        "many.toml": b'include = ["*.toml", "**", "pipe.*"]\n',
    }
    for name, content in contents.items():
        (place / name).write_bytes(content)
    (place / "directory").mkdir()
    os.mkfifo(place / "pipe.conf")
    os.mkfifo(place / "pipe.toml")
    (place / "bin").mkdir()
    for name in ("true", "false"):  # and nothing else that a word could happen to be
        (place / "bin" / name).symlink_to(shutil.which(name))
    with Zygote(place, PATH=str(place / "bin")) as made:
        yield made


def assert_known(ended, codes, words):
    assert ended.code in codes, (words, ended)
    assert b"Traceback" not in ended.err, (words, ended.err)
    silent = not (ended.out or ended.err)
    assert ended.code == 0 or not silent or b"false" in words, (words, "it does not say why")


VERB = st.sampled_from([name.encode() for name in VERBS if name != "fleet"])
OPTIONS = sorted(
    {name for verb in VERBS.values() for option in verb.options for name in option.names}
    | {
        name
        for option in COMMON
        for name in option.names
        if name not in ("--container", "--context")
    }
)


@MANY
@given(
    before=st.lists(WORDS, max_size=1),
    verb=VERB,
    words=st.lists(
        WORDS | PATHS | st.sampled_from([each.encode() for each in OPTIONS]), max_size=4
    ),
)
@example(before=[], verb=b"convert", words=[b"supervisord", b"latin.conf"])
@example(before=[], verb=b"status", words=[b"--json", b"\xff"])
@example(before=[], verb=b"completion", words=[b"bash", b"\xff"])
def test_pyinitctl(zygote, before, verb, words):
    said = [*before, verb, *words]
    ended = zygote.run("pyinitctl", said)
    assert_known(ended, range(7), said)


@MANY
@given(
    words=st.lists(
        WORDS
        | PATHS
        | st.sampled_from(
            [b"-c", b"-v", b"--check", b"--strict", b"-cgood.toml", b"--config=bad.toml", b"true"]
        ),
        max_size=5,
    )
)
@example(words=[b"--check", b"-c", b"many.toml"])
@example(words=[b"-c", b"binary.toml", b"-d"])
def test_pyinit(zygote, words):
    ended = zygote.run("pyinit", words)
    assert_known(ended, (0, 1, 2, 78, 126, 127), words)


TINI = [
    b"-s",
    b"-p",
    b"SIGTERM",
    b"-v",
    b"-vvvv",
    b"-w",
    b"-g",
    b"-e",
    b"143",
    b"-l",
    b"true",
    b"false",
]


@MANY
@given(words=st.lists(WORDS | st.sampled_from(TINI), max_size=5))
@example(words=[b"\xff"])
@example(words=[b"-e", b"9" * 5000, b"true"])
def test_tini(zygote, words):
    ended = zygote.run("tini", words)
    assert_known(ended, (0, 1, 126, 127), words)


DUMB = [
    b"-c",
    b"-r",
    b"15:0",
    b"1:99",
    b"--rewrite=2:3",
    b"--single-child",
    b"-V",
    b"true",
    b"false",
]


@MANY
@given(words=st.lists(WORDS | st.sampled_from(DUMB), max_size=5))
def test_dumb_init(zygote, words):
    ended = zygote.run("dumb-init", words)
    assert_known(ended, (0, 1, 2, 126, 127), words)


SUPERVISORD = [
    b"-c",
    b"-n",
    b"--nodaemon",
    b"-l",
    b"-e",
    b"debug",
    b"-j",
    b"-t",
    b"-k",
    b"--version",
]
SUPERVISORD += [
    b"-cbad.toml",
    b"-y",
    b"--umask=022",
    b"-u",
    b"nobody",
    b"-d",
    b"-i",
    b"-z",
    b"--minfds=1",
]
UNGOOD = PATHS.filter(lambda name: name not in (b"good.conf", b"good.toml"))


@MANY
@given(words=st.lists(WORDS | UNGOOD | st.sampled_from(SUPERVISORD), max_size=5))
@example(words=[b"-c", b"\xff"])
def test_supervisord(zygote, words):
    ended = zygote.run("supervisord", words)
    assert_known(ended, (0, 1, 2, 78), words)


CTL = [b"-c", b"-s", b"-u", b"-p", b"-r", b"-i", b"-h", b"status", b"start", b"all", b"tail", b"-f"]
CTL += [
    b"fg",
    b"help",
    b"version",
    b"avail",
    b"update",
    b"unix:///nowhere/s",
    b"http://[::1",
    b"pid",
    b"open",
]
LINES = st.lists(
    st.sampled_from(
        [*CTL, b"tail -f x", b"open http://x", b"help tail", b"maintail -9", b"quit x", b"?"]
    )
    | st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
    max_size=5,
)
NOWHERE = [b"-s", b"unix:///nowhere/s"]


@MANY
@given(words=st.lists(WORDS | PATHS | st.sampled_from(CTL), max_size=5), lines=LINES)
@example(words=[b"\xff"], lines=[])
@example(words=[b"-c", b"latin.conf", b"status"], lines=[])
@example(words=[], lines=[b"\xff\xfe", b"status \xff"])
def test_supervisorctl(zygote, words, lines):
    ended = zygote.run("supervisorctl", [*NOWHERE, *words], b"\n".join([*lines, b""]))
    assert_known(ended, range(8), (words, lines))


@MANY
@given(words=st.lists(WORDS | PATHS | st.sampled_from([b"true", b"false"]), max_size=4))
def test_pidproxy_and_echo(zygote, words):
    assert_known(zygote.run("echo_supervisord_conf", words), (0, 2), words)
    assert_known(zygote.run("pidproxy", words), (0, 1, 127), words)


def test_an_exception_that_is_let_through_is_seen(tmp_path):
    with Zygote(tmp_path) as zygote:
        ended = zygote.run("pidproxy", [b"x", b"a\0b"])
    assert ended.code == NOT_CAUGHT
    assert b"Traceback" in ended.err
