"""The manual pages: made of the same sources as the documents, clean, and part of the wheel."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pyinit.applets import NAMES
from pyinit.cli.init import USAGE
from pyinit.cli.verbs import PLAIN, VERBS
from pyinit.config import schema

TOP = Path(__file__).resolve().parents[3]
sys.path.append(str(TOP / "scripts"))

import manpages  # noqa: E402
import roff  # noqa: E402

import docs  # noqa: E402

COMMANDS = tuple(
    re.findall(r'^([\w-]+) = "pyinit\.', (TOP / "pyproject.toml").read_text(), re.MULTILINE)
)
WRITTEN = sorted(path.relative_to(TOP / "man") for path in (TOP / "man").rglob("*.?"))
WIDTH = 80
needs_man = pytest.mark.skipif(not shutil.which("man"), reason="there is no man here")


def rendered(place, hierarchy=TOP / "man"):
    """Return a page as man(1) shows it on a terminal of 80 columns, and what it complains of."""
    done = subprocess.run(
        ["man", "--warnings", "-l", str(hierarchy / place)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=hierarchy,
        env={"PATH": os.environ["PATH"], "MANWIDTH": str(WIDTH), "LC_ALL": "C.UTF-8"},
    )
    return re.sub(".\b", "", done.stdout), done.stderr


@pytest.mark.parametrize("place", WRITTEN, ids=str)
def test_a_page_is_what_its_sources_make_of_it(place):
    assert (TOP / "man" / place).read_text() == manpages.page(place.name), "run `make docs`"


def test_there_is_a_page_for_each_command_and_no_other():
    wanted = {*[f"{name}.1" for name in COMMANDS], "pyinit.toml.5", "pyinit-applets.1"}
    assert {place.name for place in WRITTEN} == wanted
    assert {f"man/{place}" for place in WRITTEN} == {
        page for page in docs.PAGES if page[:3] == "man"
    }


@pytest.mark.skipif(not shutil.which("mandoc"), reason="there is no mandoc here")
@pytest.mark.parametrize("name", sorted(manpages.PAGES))
def test_mandoc_has_nothing_to_say_of_a_page(name):
    page = TOP / "man" / manpages.place(name)
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "style", str(page)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_man
@pytest.mark.parametrize("name", sorted(manpages.PAGES))
def test_a_page_is_shown_without_a_warning_and_fits_a_terminal(name):
    text, complaints = rendered(manpages.place(name))
    assert complaints == ""
    code = re.compile(r"^ {11}\S")  # examples are as they are
    wide = [line for line in text.split("\n") if len(line) > WIDTH and not code.match(line)]
    assert wide == []
    assert not re.search(r"`|\*\*|\\|\]\(", re.sub(r"\\[ntr\"\\$]", "", text)), "Markdown is left"


@needs_man
def test_whoever_asks_for_another_name_is_led_to_its_page():
    text, complaints = rendered("man1/tini.1")
    assert (complaints, text.split()[0]) == ("", "PYINIT-APPLETS(1)")
    for name in set(NAMES.values()):
        assert f"\n   {name}\n" in text
        assert manpages.page(f"{name}.1") == ".so man1/pyinit-applets.1\n"


def test_every_verb_and_option_is_in_the_page_of_pyinitctl():
    text = (TOP / "man/man1/pyinitctl.1").read_text()
    for name, verb in VERBS.items():
        assert roff.entry(f"`{name}`", "")[4:-4] in text
        for option in (*verb.options, *PLAIN):
            assert ", ".join([roff.inline(f"`{each}`") for each in option.names]) in text
            assert option.doc.partition(" ")[0] in text


def test_every_option_is_in_the_page_of_pyinit():
    found = [tag.strip("`").split()[0].rstrip(",") for tag, _ in manpages.options(USAGE)]
    assert found == re.findall(r"^  (-[\w-]+)", USAGE, re.MULTILINE)
    assert len(found) >= 7
    text = (TOP / "man/man1/pyinit.1").read_text()
    assert all(roff.inline(f"`{option}`")[:-3] in text for option in found)


def test_every_key_is_in_the_page_of_the_configuration():
    text = (TOP / "man/man5/pyinit.toml.5").read_text()
    for key in schema.KEYS:
        assert f".TP\n{roff.inline(f'`{key.name}`')}" in text, key


@pytest.mark.parametrize(
    ("markdown", "man"),
    [
        ("A `-b` c.", ".PP\nA \\fB\\%\\-b\\fR c.\n"),
        ("One. Two: three.", ".PP\nOne.\nTwo:\nthree.\n"),
        ("`a. b`", ".PP\n\\fB\\%a. \\%b\\fR\n"),
        (".so it is", ".PP\n\\&.so it is\n"),
        ("a \\ ~ ^", ".PP\na \\e \\(ti \\(ha\n"),
        ("*A* **b**", ".PP\n\\fIA\\fR \\fBb\\fR\n"),
        ("[a `b`](c.md#d)", ".PP\na \\fB\\%b\\fR\n"),
        ("## Which `[x]`", '.SH "WHICH [x]"\n'),
        ("### Which `[x]`", '.SS "Which [x]"\n'),
        ("- a\n  b\n- c", ".IP \\(bu 3\na b\n.IP \\(bu 3\nc\n"),
        ("1. a\n2. b", ".IP 1. 4\na\n.IP 2. 4\nb\n"),
        ("```sh\n.x\n\ty\n```", ".PP\n.RS 4\n.nf\n\\&.x\n\ty\n.fi\n.RE\n"),
        ("    a\n    b", ".PP\n.RS 4\n.nf\na\nb\n.fi\n.RE\n"),
        ("| key | default | m |\n|---|---|---|\n| `a` | `1` | b\\|c |", ".TP\n\\fB\\%a\\fR (\\fB1\\fR)\nb|c\n"),
        ("| key | default | m |\n|---|---|---|\n| `a` | none | b |", ".TP\n\\fB\\%a\\fR\nb\n"),
        ("| a | b |\n|---|---|\n| c | d |", ".TP\nc\nd\n"),
        ("| a | b | c |\n|---|---|---|\n| x | y | z |", ".TP\nx\nb:\ny;\nc:\nz\n"),
    ],
)  # fmt: skip
def test_markdown_becomes_man(markdown, man):
    assert roff.convert(markdown) == man


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the wheel, built without a network of the sources as sdist packs them."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("pyinit", "man"):
        shutil.copytree(TOP / name, source / name, ignore=ignored)
    hooks = "import sys; from setuptools import build_meta as b; b.build_{}(sys.argv[1])"
    run(sys.executable, "-c", hooks.format("sdist"), str(place), cwd=source)
    (packed,) = place.glob("*.tar.gz")
    run("tar", "-xzf", str(packed), cwd=place)
    unpacked = place / packed.name.removesuffix(".tar.gz")
    run(sys.executable, "-c", hooks.format("wheel"), str(place), cwd=unpacked)
    (found,) = place.glob("*.whl")
    return found


def run(*words, cwd, env=None):
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=200, cwd=cwd, env=env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_the_wheel_has_every_page(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if "/share/man/" in name]
        told = {name.partition("/share/man/")[2]: archive.read(name).decode() for name in names}
    assert told == {str(place): (TOP / "man" / place).read_text() for place in WRITTEN}


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
@needs_man
def test_man_finds_the_pages_of_an_installed_pyinit(wheel, tmp_path):
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv"), cwd=tmp_path)
    home = tmp_path / "venv"
    pip = (sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"))
    flags = ("-q", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile")
    run(*pip, "install", *flags, str(wheel), cwd=tmp_path)
    assert all((home / "bin" / command).exists() for command in COMMANDS)
    for names in (  # told where, and found by itself beside the commands
        {"MANPATH": str(home / "share" / "man"), "PATH": os.environ["PATH"]},
        {"PATH": f"{home / 'bin'}:{os.environ['PATH']}"},
    ):
        env = {**names, "LC_ALL": "C.UTF-8", "MANWIDTH": str(WIDTH)}
        found = run("man", "-w", *COMMANDS, cwd=tmp_path, env=env).split()
        assert len(found) == len(COMMANDS)
        assert all(Path(page).is_relative_to(home / "share" / "man") for page in found), found
        assert "a PID 1 for containers" in run("man", "pyinit", cwd=tmp_path, env=env)
        assert "the configuration of pyinit" in run(
            "man", "5", "pyinit.toml", cwd=tmp_path, env=env
        )
