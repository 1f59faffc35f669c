"""What pyinitctl makes of its words, and how it puts things into words itself."""

import os
import subprocess
import sys
import time

import pytest

from pyinit import __version__
from pyinit.cli import ctl, present
from pyinit.cli.verbs import COMMON, VERBS
from pyinit.cli.words import MOST, Option, UsageError, parse, read_seconds
from pyinit.protocol.messages import VERBS as REQUESTS

OPTIONS = (
    Option(("-n", "--lines"), "N", "how many"),
    Option(("-f", "--follow"), "", "go on"),
    Option(("--stream",), "NAME", "which"),
)


def run(capfd, *words):
    """Return (exit status, stdout, stderr) of a call that needs no pyinit."""
    code = ctl.run(list(words))
    out, err = capfd.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("words", "given", "operands"),
    [
        ([], {}, []),
        (["web"], {}, ["web"]),
        (["-n", "5", "web"], {"lines": "5"}, ["web"]),
        (["web", "-n5"], {"lines": "5"}, ["web"]),
        (["-n=5"], {"lines": "5"}, []),
        (["--lines=5", "--follow"], {"lines": "5", "follow": ""}, []),
        (["--lines", "5"], {"lines": "5"}, []),
        (["-fn", "5"], {"follow": "", "lines": "5"}, []),
        (["-fn5", "web"], {"follow": "", "lines": "5"}, ["web"]),
        (["--lines="], {"lines": ""}, []),
        (["-n", "1", "-n", "2"], {"lines": "2"}, []),
        (["-", "web"], {}, ["-", "web"]),
        (["-f", "--", "-n", "--x"], {"follow": ""}, ["-n", "--x"]),
    ],
)
def test_words_are_options_and_operands(words, given, operands):
    found = parse(words, OPTIONS)
    assert (found.given, found.operands) == (given, operands)


def test_options_may_end_at_the_first_operand():
    found = parse(["-f", "web", "-n", "5"], OPTIONS, stop_at_operand=True)
    assert (found.given, found.operands) == ({"follow": ""}, ["web", "-n", "5"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--linse", "5"], "unknown option --linse\n  did you mean --lines?"),
        (["--foll"], "unknown option --foll\n  did you mean --follow?"),
        (["--zzzzzz"], "unknown option --zzzzzz"),
        (["-x"], "unknown option -x"),
        (["-n"], "-n needs N"),
        (["--lines"], "--lines needs N"),
        (["--follow=yes"], "--follow takes no value"),
        (["-fx"], "unknown option -x"),
    ],
)
def test_words_that_make_no_sense_are_told(words, said):
    with pytest.raises(UsageError) as caught:
        parse(words, OPTIONS)
    assert str(caught.value) == said


def test_counts_are_whole_numbers():
    words = parse(["-n", "12"], OPTIONS)
    assert words.count("lines") == 12
    assert words.count("stream") is None
    assert parse(["-n", "9" * 5000], OPTIONS).count("lines") == MOST
    for bad in ("-1", "1.5", "", "many", "\u0661"):
        with pytest.raises(UsageError, match="--lines takes a whole number from 0, not"):
            parse([f"--lines={bad}"], OPTIONS).count("lines")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10.0), ("2.5", 2.5), ("500ms", 0.5), ("10s", 10.0), ("5m", 300.0), ("1h", 3600.0),
        ("0", 0.0), (".5s", 0.5), ("9" * 400 + "h", float(MOST)),
    ],
)  # fmt: skip
def test_durations_are_those_of_the_configuration(text, seconds):
    assert read_seconds(text, "--timeout") == seconds


@pytest.mark.parametrize("text", ["", "s", "soon", "1d", "-1", "1e5", "nan", "1.2.3", "1 s", "."])
def test_what_is_no_duration_is_told(text):
    with pytest.raises(UsageError, match="--timeout takes a duration such as"):
        read_seconds(text, "--timeout")


def test_help_tells_every_verb(capfd):
    code, out, err = run(capfd, "--help")
    assert (code, err) == (0, "")
    for verb in VERBS:
        assert f"\n  {verb}" in out
    assert "exit status: 0 ok, 1 failed, 2 usage, 3 not running or not ready" in out
    code, out, err = run(capfd)
    assert (code, out) == (2, "")
    assert err.startswith("usage: pyinitctl [-s SOCKET] [--json] VERB [ARG...]\n")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_all_of_its_options(capfd, verb):
    code, out, _ = run(capfd, verb, "--help")
    assert code == 0
    assert out.startswith(f"usage: pyinitctl {verb} [OPTION...]")
    for option in (*VERBS[verb].options, *COMMON):
        for name in option.names:
            assert name in out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_function(verb):
    assert callable(ctl._function(VERBS[verb].place))


OF_OTHERS = {  # requests of the gateway and of supervisorctl, which has commands for them
    *("metrics", "cancel", "doors", "info", "config-info", "read-log", "reread", "add-group"),
    *("remove-group", "clear-log", "write-stdin", "remote-event", "restart-all", "check-door"),
}


def test_every_request_has_a_verb_on_the_command_line():
    rest = REQUESTS.keys() - VERBS.keys() - OF_OTHERS
    assert rest == {"set-limits"}  # limits NAME RESOURCE=VALUE


@pytest.mark.parametrize("verb", [verb for verb in VERBS if VERBS[verb].least])
def test_a_verb_without_the_operands_it_needs_is_a_usage_error(capfd, verb):
    code, out, err = run(capfd, verb)
    assert (code, out) == (2, "")
    assert err.startswith(f"pyinitctl: {verb} takes {VERBS[verb].operands}\n")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if VERBS[verb].most is not None])
def test_a_verb_with_too_many_operands_is_a_usage_error(capfd, verb):
    words = ["x"] * (VERBS[verb].most + 1)
    code, _, err = run(capfd, verb, *words)
    assert code == 2
    assert err.startswith(f"pyinitctl: {verb} takes ")


def test_the_version_and_what_is_no_verb(capfd):
    assert run(capfd, "--version") == (0, f"pyinitctl {__version__}\n", "")
    code, _, err = run(capfd, "statsu")
    assert (code, err.splitlines()[:2]) == (
        2, ["pyinitctl: no such verb: 'statsu'", "  did you mean status?"],
    )  # fmt: skip
    assert "  did you mean status?\n" in run(capfd, "stat")[2]  # not start, which is no longer
    assert run(capfd, "zzzzzzzz")[2].startswith("pyinitctl: no such verb: 'zzzzzzzz'\nTry")


def test_help_is_a_word_too(capfd):
    assert run(capfd, "help") == run(capfd, "--help")
    assert run(capfd, "help", "status") == run(capfd, "status", "--help")
    assert run(capfd, "help", "statsu")[0] == 2


def test_options_of_all_may_stand_before_or_after_the_verb(capfd, tmp_path):
    nowhere = str(tmp_path / "none")
    for words in (["-s", nowhere, "health"], ["health", "--socket", nowhere]):
        code, out, err = run(capfd, *words)
        assert (code, out) == (5, "")
        assert nowhere in err
    code, out, _ = run(capfd, "-j", "health", "-s", nowhere)
    assert (code, out[:43]) == (5, '{"ok":false,"error":{"code":"no-supervisor"')


def test_a_health_check_imports_next_to_nothing():
    code = "import sys; from pyinit.cli import ctl; ctl._function('state:health')"
    code += "; print(*sorted(set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {ROOT!r}); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    heavy = {"json", "re", "socket", "argparse", "enum", "typing", "subprocess", "signal"}
    assert not loaded & heavy
    assert not [name for name in loaded if name.startswith(("pyinit.runtime", "pyinit.config"))]


ROOT = os.path.dirname(os.path.dirname(os.path.abspath(ctl.__file__))).rpartition("/")[0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0s"), (9.94, "9.9s"), (12.7, "12s"), (187, "3m07s"), (18_180, "5h03m"),
        (187_300, "2d04h"),
    ],
)  # fmt: skip
def test_time_spans_are_short(seconds, text):
    assert present.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0B"), (512, "512B"), (8_600_000, "8.2MB"), (2048, "2.0KB"), (5 << 40, "5120.0GB")],
)
def test_sizes_are_short(count, text):
    assert present.size(count) == text


def test_columns_are_aligned_and_no_line_ends_in_blanks():
    rows = [["web", "1", "x"], ["worker", "10", ""]]
    assert present.table(("NAME", "N", "WHY"), rows, "N") == (
        "NAME     N  WHY\nweb      1  x\nworker  10"
    )


def test_ends_limits_and_times_in_words():
    assert present.exit_words({"code": 3}) == "exit 3"
    assert present.exit_words({"signal": 9}) == "SIGKILL"
    assert present.exit_words({"signal": 11, "core_dumped": True}) == "SIGSEGV (core)"
    assert present.exit_words(None) == ""
    assert [present.limit(value) for value in (None, -1, 0, 65536)] == [
        "",
        "unlimited",
        "0",
        "65536",
    ]
    assert present.ago(time.time() + 100) == "0.0s ago"
    assert present.ago(time.time() - 61).startswith("1m0")
    assert present.number(None) == 0.0
    assert present.objects({"a": [1, {"b": 2}]}, "a") == [{"b": 2}]
    assert present.objects({}, "a") == []
    local = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(1_700_000_000))
    assert present.moment(1_700_000_000.25) == f"{local}.250"


def test_output_of_any_size_is_written_whole(tmp_path):
    path = tmp_path / "out"
    with path.open("wb") as file:
        present.put(b"x" * 3_000_000, file.fileno())
        present.say("caf\u00e9 \udcff", file.fileno())
    assert path.read_bytes() == b"x" * 3_000_000 + b"caf\xc3\xa9 \xff\n"
