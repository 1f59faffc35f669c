"""The command `pyinit`: catches signals on its first line, reads its options, and boots."""

from __future__ import annotations

import posix
import sys

from pyinit import bundle

bundle.together("pyinit.runtime.boot")

from pyinit.system import signals  # noqa: E402  all that boot needs is imported at once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

USAGE = """\
usage: pyinit [-c PATH]... [-d] [-v] [--check [--strict]] [--] [COMMAND [ARG...]]

A PID 1 for containers: reaps, forwards signals, supervises programs, raises rlimits.

  -c, --config PATH  a configuration: .toml file, supervisord's .conf or .ini file, or directory
                     of one kind; may be repeated (default: $PYINIT_CONFIG, /etc/pyinit/pyinit.toml
                     and /etc/pyinit/conf.d, else where supervisord looks)
  -d, --daemon       run in the background; returns when every program is ready
  -v, --verbose      say more
  --check            check the configuration and exit
  --strict           with --check: what supervisord would pass over in silence is an error, too
  --version          print the version and exit
  -h, --help         print this and exit

COMMAND becomes the main program: it gets the terminal and every signal, and its exit status
becomes pyinit's.
"""
HINT = "Try 'pyinit --help'.\n"
OTHERS = (  # names we answer to
    *("tini", "tini-static", "dumb-init"),
    *("supervisord", "supervisorctl", "echo_supervisord_conf", "pidproxy"),
)


def main() -> Never:
    """Run as the command `pyinit`; never returns."""
    if sys.argv[0].endswith(OTHERS):
        _be_an_applet()  # before any signal is touched: its child gets them as they were
    if sys.argv[1:] and sys.argv[1][:1] != "-" and "supervisord" in "\n".join(sys.argv[1:4]):
        _be_supervisord()
    posix._exit(guarded(lambda signal_fd: run(sys.argv[1:], signal_fd)))  # noqa: SLF001


def guarded(boot: Callable[[int], int]) -> int:
    """Catch signals, `boot` with the descriptor they are read from; return the exit status.

    What the kernel refuses before there is anybody to tell of it, a descriptor for the next module
    say, is told here.  Programs that a pyinit before us has left are looked after whatever happens:
    it is tried once more to go on with them, and then there is the rescue loop.
    """
    if b"PYINIT_STATE_FD" in posix.environ:
        return _go_on(boot)
    try:
        return boot(signals.catch_all(again=signals.goes_on()))
    except (OSError, ImportError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        _complain(f"cannot start: {reason or 'Cannot allocate memory'}")
        return 1
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  nothing runs: it is told, and all
        _complain(f"cannot start: {error!r}")
        return 1


def _go_on(boot: Callable[[int], int]) -> int:
    """Go on where another pyinit has stopped; return the exit status."""
    environ, here = dict(posix.environ), "/"
    left: list[int] = []
    signal_fd = -1
    for name in (b"PYINIT_STATE_AGAIN", b"PYINIT_STATE_STOP"):
        posix.environ.pop(name, None)
    try:
        left += _handed_on()
        here = _born_in()
        signal_fd = signals.catch_all(again=True)
        return boot(signal_fd)
    except BaseException as error:  # noqa: BLE001  the programs are there, whatever we cannot do
        _complain(f"cannot go on after the re-exec: {error!r}")
    try:
        from pyinit.runtime.anew import once_more

        once_more(environ, left, here, signal_fd)
    except BaseException as error:  # noqa: BLE001
        _complain(f"cannot try it once more: {error!r}")
    _complain("only signals and reaping are left; all programs gone is the end")
    from pyinit.system.rescue import rescue

    stop = environ.get(b"PYINIT_STATE_STOP", b"")
    return rescue([], signal_fd, told=(int(stop),) if stop.isdigit() else ())


def _handed_on() -> list[int]:
    """Return the descriptors that a pyinit before us has left open to us."""
    found = []
    try:
        names = posix.listdir("/proc/self/fd")
    except OSError:  # no /proc
        names = [str(fd) for fd in range(3, 1024)]
    for name in names:
        try:
            if int(name) > 2 and posix.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # that of the listing itself, or none
            continue
    return found


def _be_an_applet() -> None:
    """Be what the name that we were started by says; return if that is not quite an applet's."""
    from pyinit.applets import main_of, personality

    applet = personality(sys.argv[0])
    if applet is not None:
        from pyinit.system import files

        files.show_name(applet)
        main_of(applet)()


def _be_supervisord() -> None:
    """Be the supervisord that is to be run, if that is pyinit as well.

    So runs an image whose CMD it is, below our ENTRYPOINT: there is one PID 1, not one in front of
    another.  The genuine supervisord is run as any command is.
    """
    from pyinit.applets.own import own_command, without_shell

    words = without_shell(sys.argv[1:])
    path = own_command(words[0], sys.argv[0]) if words[0].endswith("supervisord") else ""
    if path:
        sys.argv[:] = [path, *words[1:]]
        _be_an_applet()


def run(words: list[str], signal_fd: int) -> int:
    """Parse `words` and do what they say; return the exit status."""
    paths: list[str] = []
    daemon = verbose = check = strict = False
    checked = check_state()
    if checked is not None:
        return checked
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        match word:
            case "--":
                break
            case "-c" | "--config" if words:
                paths.append(words.pop(0))
            case "-c" | "--config":
                return _usage(f"{word} needs a path")
            case "-d" | "--daemon":
                daemon = True
            case "-v" | "--verbose":
                verbose = True
            case "--check":
                check = True
            case "--strict":
                strict = True
            case "--version":
                from pyinit import __version__

                return _say(f"pyinit {__version__}\n")
            case "-h" | "--help":
                return _say(USAGE)
            case _ if word.startswith("--config="):
                paths.append(word.partition("=")[2])
            case _ if word.startswith("-c"):
                paths.append(word[2:])
            case _:
                return _unknown(word)
    if check:
        from pyinit.cli.check import run_check

        signals.reset_in_child()  # nothing runs that has to be kept: whoever tires may interrupt
        return 78 if run_check(paths, as_json=False, strict=strict) else 0
    if strict:
        return _usage("--strict goes with --check")
    return start(signal_fd, tuple(paths), tuple(words), daemon=daemon, verbose=verbose)


def check_state() -> int | None:
    """Return the exit status of a pyinit that is only to look at the state of another."""
    checked = _handed(b"PYINIT_STATE_CHECK")
    if checked < 0:
        return None
    from pyinit.runtime.reexec import read_back

    return read_back(checked)


def _handed(name: bytes) -> int:
    """Return the descriptor that a variable of another pyinit names, -1 if it names none."""
    from pyinit.system import files

    return files.descriptor(posix.environ.pop(name, b"").decode("ascii", "replace"))


def start(
    signal_fd: int,
    paths: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    *,
    daemon: bool = False,
    verbose: bool = False,
    name: str = "pyinit",
    overrides: tuple[tuple[str, str], ...] = (),
) -> int:
    """Boot with what a command line asks for, or go on from a state; return the exit status.

    `words` are the main program's; `name` and `overrides` as in Options.
    """
    from pyinit.core.record import replace
    from pyinit.runtime import boot
    from pyinit.runtime.options import Options
    from pyinit.system import files

    state_fd = _handed(b"PYINIT_STATE_FD")
    anew = b"PYINIT_ANEW" in posix.environ  # this process was a pyinit already
    daemon_fd = _handed(b"PYINIT_ANEW")
    handed = posix.environ.pop(b"PYINIT_LISTENERS", None)
    options = Options(
        paths=paths,
        command=words,
        verbose=verbose,
        signal_fd=signal_fd,
        state_fd=state_fd,
        born_in=_born_in(),
        overrides=overrides,
        name=name,
    )
    if options.state_fd < 0:
        files.seal_inherited()
        if anew and handed:
            from pyinit.runtime.handed import read

            options = replace(options, handed=read(handed.decode("utf-8", "surrogateescape")))
        if daemon:
            from pyinit.runtime.daemon import daemonize, go_on

            if words and "/" in words[0]:
                words = (*_absolute(words[:1]), *words[1:])
            rooted = replace(options, paths=_absolute(paths), command=words)
            fd = go_on(daemon_fd) if anew else daemonize()
            options = replace(rooted, daemon_fd=fd)
    return boot.main(options)


def _born_in() -> str:
    import posix

    try:
        return posix.getcwd()
    except OSError:  # it was removed
        return "/"


def _absolute(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths as they are from the root: the daemon leaves this directory."""
    here = posix.getcwd()
    return tuple([path if path.startswith("/") else f"{here}/{path}" for path in paths])


def _say(text: str) -> int:
    posix.write(1, text.encode())
    return 0


def _unknown(word: str) -> int:
    """Say that there is no such option, and which one may have been meant."""
    from pyinit.cli.words import meant  # for few

    known = [each.strip(":,") for each in USAGE.split() if each.startswith("--")]
    near = meant(word.partition("=")[0], known) if word.startswith("--") else ""
    return _usage(f"unknown option {word}" + (f"\n  did you mean {near}?" if near else ""))


def _usage(text: str) -> int:
    posix.write(2, f"pyinit: {text}\n{HINT}".encode("utf-8", "surrogateescape"))
    return 2


def _complain(text: str) -> None:
    try:
        posix.write(2, f"pyinit: {text}\n".encode("utf-8", "surrogateescape"))
    except OSError:  # nobody can hear it
        return


if __name__ == "__main__":
    main()
