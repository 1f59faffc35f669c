"""docs/from-supervisord.md is true: its file is read, its commands are run, their output is so."""

import os
import re
import resource
import subprocess
import sys

import pytest
from boxed import ROOT, WITHIN_S, code_places
from supervised import Side

PAGE = ROOT / "docs" / "from-supervisord.md"
TEXT = PAGE.read_text()
NAMES = {"pyinit": "cli.init", "pyinitctl": "cli.ctl", "supervisorctl": "applets.supervisorctl"}
AWAITED = [("web", "RUNNING"), ("worker:worker_01", "RUNNING"), ("migrate", "FATAL")]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def commands():
    """Return [(command, its output)] of the page."""
    found = []
    for line in "".join(blocks("console")).splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].strip(), []))
        else:
            found[-1][1].append(line.rstrip())
    return found


def pattern(lines):
    """Return a regular expression for output: N is a number, ... is anything."""
    text = "\n".join(lines)
    text = re.escape(text).replace(r"\.\.\.", "[^\0]*?")
    return re.sub(r"(?<![A-Za-z])N(?![A-Za-z])", r"\\d+", text)


@pytest.fixture
def bin_dir(tmp_path):
    """A directory with the commands that the page uses."""
    for name, module in NAMES.items():
        script = tmp_path / name
        script.write_text(
            f"#!{sys.executable} -IS\nimport sys\nsys.path[:0] = {code_places(public=False)!r}\n"
            f"from pyinit.{module} import main\nmain()\n"
        )
        script.chmod(0o755)
    return tmp_path


class Reader:
    """Follows the page where its files are in `place`, and pyinit listens at `control`."""

    def __init__(self, place, bin_dir, control):
        self.place = place
        self.places = {
            "/etc/supervisor/supervisord.conf": f"{place}/sup.conf",
            "/run/": f"{place}/",
        }
        self.env = {"PATH": f"{bin_dir}:{os.environ['PATH']}", "PYINIT_SOCKET": str(control)}

    def follow(self, command, output):
        """Run a command of the page, which shall say what the page says."""
        given = command.replace("supervisorctl ", f"supervisorctl -c {self.place}/sup.conf ")
        done = subprocess.run(
            ["sh", "-c", self._here(given)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WITHIN_S,
            check=False,
            cwd=self.place,
            env=self.env,
        )
        said = self._there(done.stdout).rstrip()
        said += f"\n[exit status {done.returncode}]" if done.returncode else ""
        assert re.fullmatch(pattern(output), said), f"$ {command}\n{said}"

    def _here(self, text):
        for page, place in self.places.items():
            text = text.replace(page, place)
        return text

    def _there(self, text):
        for page, place in self.places.items():
            text = text.replace(place, page)
        return text


def placed(conf):
    return conf.replace("/run/", "%(here)s/")


def before_it_runs():
    """Return how many commands of the page come before anything is started."""
    return len(re.findall(r"^\$ ", TEXT.partition("## 3.")[0], re.MULTILINE))


def test_the_page_is_what_happens(bin_dir, tmp_path):
    told, count = commands(), before_it_runs()
    file = tmp_path / "sup.conf"
    file.write_text(placed(blocks("ini")[0]))
    for command, output in told[:count]:
        Reader(tmp_path, bin_dir, tmp_path / "nobody").follow(command, output)
    with Side("pyinit", file.read_text()) as side:
        reader = Reader(side.place, bin_dir, side.control)
        for name, state in AWAITED:
            side.wait_state(name, state)
        for line in blocks("log")[0].splitlines():
            assert re.search(f"{pattern([line])}$", side.out, re.MULTILINE), (line, side.said)
        for command, output in told[count:]:
            reader.follow(command, output)
            if command == "supervisorctl update":
                side.wait_state("worker:worker_02", "RUNNING")
        assert side.wait() == 0


def test_the_section_of_the_page_ends_the_container_with_what_failed():
    conf, own_section = blocks("ini")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert "65536" in own_section
    own_section = own_section.replace("65536", str(min(65536, hard)))
    with Side("pyinit", placed(conf) + own_section, wait=False) as side:
        assert side.wait() == 3, side.said


def test_the_links_of_the_page_lead_somewhere():
    for file, _, anchor in re.findall(r"\]\(([^)#]+)(#([^)]+))?\)", TEXT):
        text = (PAGE.parent / file).read_text()
        heads = [slug(head) for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
        assert not anchor or anchor in numbered(heads), (file, anchor)


def slug(head):
    return re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-")


def numbered(slugs):
    """Return the anchors that GitHub gives to these heads: the second of a name has -1."""
    seen = {}
    found = set()
    for one in slugs:
        count = seen.get(one, 0)
        found.add(f"{one}-{count}" if count else one)
        seen[one] = count + 1
    return found
