"""Follows the pages: runs the commands that they show, and compares what is said.

A page shows what is typed and what comes of it, in blocks of the language `console`:

    $ pyinitctl wait web --for ready
    $ pyinitctl status
    NAME  STATE    PID  ...
    web   RUNNING  ...

- `$ ` begins a command, `> ` goes on with it.  All commands of a page run in one shell, in the
  order of the page.
- What follows is all that the command says, on stdout and stderr.  `...` within a line is
  anything, `...` on a line of its own any number of lines; so many blanks are as good as one.
- A command that fails is followed by `$ echo $?`.
- Every page begins at the top of a checkout.
- A block of another language whose first line is the comment `# NAME` (`// NAME`, `<!-- NAME -->`)
  is a file: it is written when the reader comes by.

`python tests/following.py` prints which test follows which page, and which commands are others there.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
WITHIN_S = 120.0  # until a command that looks sees what is on the page
ENDS_WITHIN_S = 200.0  # a command, an image being built, too
BLOCK = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A(?:#|//|<!--) ([\w./-]+)(?: -->)?\n")
# Commands that change nothing: a reader, who is slower than a test, sees their last answer.
LOOKING = re.compile(
    r"\b(pyinitctl|supervisorctl)( (-s|--container) \S+)? (status|why|wait|logs|limits|env|health|ready|events|fleet)\b"
    r"|\b(docker|podman)( compose)? (ps|logs|inspect)\b|^curl (?!.*-X)|^cat "
)


@dataclass(frozen=True)
class Command:
    """A command of a page, and what the page says that it says."""

    page: str
    line: int
    text: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A file that a page shows."""

    name: str
    text: str


def pages():
    """Return every page that may show commands, by its path from the top of the repository."""
    found = [TOP / "README.md", TOP / "CONTRIBUTING.md", *(TOP / "docs").glob("*.md")]
    found += (TOP / "examples").glob("*/README.md")
    return sorted(str(path.relative_to(TOP)) for path in found)


def blocks(page):
    """Return [(language, the line that it begins at, text)] of a page."""
    text = (TOP / page).read_text()
    found = []
    for block in BLOCK.finditer(text):
        indent, language, inner = block.groups()
        lines = [line.removeprefix(indent) for line in inner.splitlines(keepends=True)]
        found.append((language, text.count("\n", 0, block.start(3)) + 1, "".join(lines)))
    return found


def steps(page):
    """Return the commands and the files of a page, in order."""
    found = []
    for language, line, text in blocks(page):
        named = FILE.match(text)
        if language == "console":
            found += _commands(page, line, text)
        elif named and language != "sh":
            found.append(Written(named[1], text))
    return found


def commands(page):
    """Return the commands of a page."""
    return [step for step in steps(page) if isinstance(step, Command)]


def _commands(page, first, text):
    found = []
    for number, line in enumerate(text.splitlines(), first):
        if line.startswith("$ "):
            found.append((number, [line[2:]], []))
            continue
        assert found, f"{page}:{number}: output of no command"
        _number, words, output = found[-1]
        if line.startswith("> ") and not output:
            words.append(line[2:])
        else:
            output.append(line)
    return [Command(page, at, "\n".join(words), tuple(said)) for at, words, said in found]


def pattern(lines):
    """Return the regular expression of the output that these lines stand for."""
    made = []
    for line in lines:
        if line.strip() == "...":
            made.append(r"(?:[^\n]*\n)*?")
            continue
        words = (re.escape(word) for word in re.split(r" ?\.\.\. ?", tidy(line)))
        made.append(r"[^\n]*?".join(words) + r"\n")
    return re.compile("".join(made))


def tidy(text):
    """Return `text` with one blank for many, none at the ends of lines, and no colours."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).replace("\r\n", "\n")
    return re.sub(r" *$", "", re.sub(r"[ \t]+", " ", plain), flags=re.MULTILINE)


@dataclass(frozen=True)
class Way:
    """How a page is followed: what its words are here, and which commands are others here.

    `named` maps what the page has to what it is here (ports, names of images and containers);
    `instead` maps a command to (the one that is run in its place, why).  A command of `instead`
    whose other one is "" is not run.
    """

    named: dict[str, str] = field(default_factory=dict)
    instead: dict[str, tuple[str, str]] = field(default_factory=dict)


class Reader:
    """Follows one page in a directory of its own; `around` are words that run the shell."""

    def __init__(self, place, way=None, around=(), env=()):
        self.place = place
        self.way = way or Way()
        self.shell = Shell(place, around, dict(env))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shell.close()

    def follow(self, page):
        """Do all that the page says; what it says must come of it."""
        for step in steps(page):
            if isinstance(step, Written):
                path = self.place / self.shell.directory() / self._here(step.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self._here(step.text))
            else:
                self._do(step)

    def _do(self, command):
        given, _why = self.way.instead.get(command.text, (command.text, ""))
        if not given:
            return
        text, wanted = self._here(given), pattern(command.output)
        until = time.monotonic() + (WITHIN_S if LOOKING.search(given) else 0)
        failing = command.text != "echo $?" and self._fails_on_purpose(command)
        while True:
            code, said = self.shell.run(text)
            said = self._there(said)
            shown = tidy(said + "\n" if said and not said.endswith("\n") else said)
            well = wanted.fullmatch(shown) and (code != 0) == failing
            if well or time.monotonic() > until:
                break
            time.sleep(0.2)
        where = f"{command.page}:{command.line}: $ {command.text}"
        assert wanted.fullmatch(shown), f"{where}\nit says\n{said}\nand the page\n" + "\n".join(
            command.output
        )
        assert (code != 0) == failing, f"{where}\nexit status {code}:\n{said}"

    @staticmethod
    def _fails_on_purpose(command):
        """Tell whether the page asks for the exit status of this command right after it."""
        after = [each for each in commands(command.page) if each.line > command.line]
        asked = after[:1] and after[0].text == "echo $?"
        return bool(asked and after[0].output != ("0",))

    def _here(self, text):
        for page, here in self.way.named.items():
            text = text.replace(page, here)
        return text

    def _there(self, text):
        for page, here in sorted(self.way.named.items(), key=lambda pair: -len(pair[1])):
            text = text.replace(here, page)
        return text


class Shell:
    """A shell that is told one command after the other, as by a person."""

    def __init__(self, place, around, env):
        self.place = place
        self._own = Path(tempfile.mkdtemp(prefix="pyinit-page-"))
        self._mark = f"---{uuid.uuid4().hex}"
        self._left = b""
        self._process = subprocess.Popen(
            [*around, "bash", "--norc", "--noprofile"],
            cwd=place,
            env={**_usual(), "LC_ALL": "C.UTF-8", "PAGER": "cat", "COLUMNS": "200", **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def directory(self):
        """Return the directory that it is in."""
        return self.run("pwd")[1].strip()

    def run(self, command):
        """Run a command; return (exit status, what it said)."""
        (self._own / "command").write_text(command + "\n")
        line = f". {self._own}/command </dev/null; before=$?; echo; echo {self._mark} $before; "
        self._process.stdin.write((line + "(exit $before)\n").encode())
        self._process.stdin.flush()
        told = re.compile(rb"(.*?)\n" + self._mark.encode() + rb" (\d+)\n", re.DOTALL)
        until = time.monotonic() + ENDS_WITHIN_S
        while not (found := told.match(self._left)):
            left = until - time.monotonic()
            ready = left > 0 and select.select([self._process.stdout], [], [], left)[0]
            data = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            assert data, f"$ {command}\nnever ends: {self._left.decode(errors='replace')}"
            self._left += data
        self._left = self._left[found.end() :]
        return int(found[2]), found[1].decode(errors="replace")

    def close(self):
        """End it and all that it has left in its session."""
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self._own, ignore_errors=True)


def _usual():
    """Return our environment without what would lead a reader elsewhere."""
    ours = ("PYINIT", "MAKE", "MFLAGS")  # the tests may have been started by make themselves
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def checkout(place, named=()):
    """Return a copy of the repository, where pages begin; examples of `named` are called so, too."""
    made = place / "pyinit"
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "var", "bench", "*.egg-info", "tests")
    shutil.copytree(TOP, made, ignore=unwanted)
    for file in (TOP / ".dockerignore", *(TOP / "examples").glob("*/.dockerignore")):
        shutil.copy(file, made / file.relative_to(TOP))
    for page, here in dict(named).items():
        if (made / "examples" / page).is_dir():
            (made / "examples" / here).symlink_to(page)
    return made


# --- which page is followed by which test

HOST = "tests/linux/test_pages.py"
DOCKER = "tests/docker/test_pages_in_docker.py"
PODMAN = "tests/docker/test_podman_kube.py"
FOLLOWED: dict[str, str] = {
    "README.md": DOCKER,
    "docs/tutorial.md": DOCKER,
    "docs/howto-limits.md": DOCKER,
    "docs/howto-zero-downtime.md": HOST,
    "docs/howto-json-logs.md": DOCKER,
    "docs/howto-secrets.md": DOCKER,
    "docs/howto-non-root.md": DOCKER,
    "docs/kubernetes.md": PODMAN,
    "docs/podman.md": PODMAN,
    "docs/privileges.md": DOCKER,
    "docs/rolling.md": HOST,
    "docs/swarm.md": DOCKER,
    "docs/web.md": DOCKER,
    "examples/go-socket/README.md": DOCKER,
    "examples/go-web/README.md": DOCKER,
}
# Commands in whose place another one ("": none) is run, with the reason.
_CLUSTER = "there is no cluster: the manifest is played by podman"
_BUILT = "the image is brought from the Docker engine, which has built it from the same Dockerfile"
_PLAY = "podman kube play --network none examples/kubernetes/deployment.yaml"
_IN_POD = "podman exec go-web-pod-0-go-web pyinitctl"
INSTEAD: dict[str, tuple[str, str]] = {
    "podman build -t pyinit .": ("", _BUILT),
    "podman build -t go-web examples/go-web": ("", _BUILT),
    "podman kube play examples/kubernetes/deployment.yaml": (_PLAY, "ports stay free"),
    "kubectl apply -f examples/kubernetes/deployment.yaml": (_PLAY, _CLUSTER),
    "kubectl rollout status deploy/go-web": (f"{_IN_POD} wait all --for ready", _CLUSTER),
    **{
        f"kubectl exec deploy/go-web -c go-web -- pyinitctl {verb}": (f"{_IN_POD} {verb}", _CLUSTER)
        for verb in ("status", "restart web", "why web", "ready")
    },
    "kubectl logs deploy/go-web -c watcher": ("podman logs go-web-pod-0-watcher", _CLUSTER),
    "kubectl delete -f examples/kubernetes/deployment.yaml": (
        "podman kube down examples/kubernetes/deployment.yaml",
        _CLUSTER,
    ),
}


def unfollowed(page):
    """Return the commands of a page that nobody runs."""
    return [] if page in FOLLOWED else commands(page)


def main():
    """Print what is covered."""
    for page in pages():
        shown = commands(page)
        if shown:
            by = FOLLOWED.get(page, "not followed")
            sys.stdout.write(f"{page}: {len(shown)} commands, {by}\n")
        for text in dict.fromkeys(command.text for command in shown):
            if text in INSTEAD:
                other, why = INSTEAD[text]
                sys.stdout.write(f"    $ {text}\n        {other or 'not run'}: {why}\n")


if __name__ == "__main__":
    main()
