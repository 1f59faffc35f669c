"""Where a program's output goes in supervisord's files: sinks, and what listeners are told of it.

A path that is pyinit's own standard output or error is never opened: the program inherits the
descriptor, so that it works without rights and in a read-only container.
"""

from __future__ import annotations

from pyinit.config import ini_values
from pyinit.core.plan import CHANNEL, Channel, Sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_section import Common, Section

OWN = {
    f"{place}{number}": stream
    for place in ("/dev/fd/", "/proc/self/fd/", "/proc/1/fd/")
    for number, stream in (("1", "stdout"), ("2", "stderr"))
} | {"/dev/stdout": "stdout", "/dev/stderr": "stderr"}
NONE = frozenset(("none", "off", ""))


def output(
    section: Section, common: Common
) -> tuple[tuple[Sink, ...], tuple[Sink, ...], tuple[Channel, Channel]]:
    """Return the sinks of stdout and of stderr, and their channels."""
    redirect = section.flag("redirect_stderr")
    channels = _channel(section, "stdout", common), _channel(section, "stderr", common)
    stdout = _sinks(section, "stdout", common, asks=channels[0] != CHANNEL)
    if redirect:
        _warn_of_file(section)
        return stdout, (Sink("stdout"),), channels
    stderr = _sinks(section, "stderr", common, asks=channels[1] != CHANNEL)
    targets = _own(section, "stdout"), _own(section, "stderr")
    if targets == ("stdout", "stdout") and stderr == stdout:
        return stdout, (Sink("stdout"),), channels
    return _crossed(stdout, "stdout", targets[0]), _crossed(stderr, "stderr", targets[1]), channels


def _crossed(sinks: tuple[Sink, ...], stream: str, target: str) -> tuple[Sink, ...]:
    """Return the sinks of a stream; where pyinit's other one is meant, pyinit passes it on."""
    if target in ("", stream):
        return sinks
    others = [sink for sink in sinks if sink.kind not in ("inherit", "copy")]
    return Sink("copy", target), *others


def _channel(section: Section, stream: str, common: Common) -> Channel:
    capture = section.get(f"{stream}_capture_maxbytes", ini_values.size, 0)
    events = section.flag(f"{stream}_events_enabled")
    if section.kind == "eventlistener" and stream == "stdout":
        return CHANNEL  # the protocol has it
    return Channel(capture, events, common.strip_ansi)


def _sinks(section: Section, stream: str, common: Common, *, asks: bool) -> tuple[Sink, ...]:
    max_size = section.get(f"{stream}_logfile_maxbytes", ini_values.size, 50 << 20)
    max_files = section.get(f"{stream}_logfile_backups", ini_values.integer, 10)
    syslog = section.flag(f"{stream}_syslog")
    written = _written(section, stream)
    low = written.lower()
    found: list[Sink] = []
    if low == "syslog":
        text = f"For [{section.block.name}], {stream}_logfile=syslog but this is deprecated."
        section.warn(text, f"{stream}_logfile", f"Use {stream}_syslog=true instead.")
        syslog = True
    elif low == "auto":
        if not max_size:
            text = f"For [{section.block.name}], AUTO logging used for {stream} without rollover"
            section.warn(text, f"{stream}_logfile_maxbytes", "set it > 0: the file grows for ever")
        found.append(Sink("auto", common.logs, max_size, max(0, max_files)))
        if common.copied:
            found.append(Sink("copy"))
    elif written in OWN:
        found.append(Sink("copy" if asks or syslog else "inherit"))
    elif low not in NONE and written != "/dev/null":
        path = section.get(
            f"{stream}_logfile", lambda text: ini_values.path(text, common.base), "", times=2
        )
        found.append(Sink("file", path, max_size, max(0, max_files)))
    if syslog:
        found.append(Sink("syslog"))
    return tuple(found) or (Sink("null"),)


def _written(section: Section, stream: str) -> str:
    return section.get(f"{stream}_logfile", str, "AUTO", times=2).strip()


def _own(section: Section, stream: str) -> str:
    return OWN.get(_written(section, stream), "")


def _warn_of_file(section: Section) -> None:
    written = _written(section, "stderr")
    if section.has("stderr_logfile") and written.lower() not in (*NONE, "auto", "syslog"):
        text = (
            f"For [{section.block.name}], redirect_stderr=true but stderr_logfile has also been "
            "set to a filename, the filename has been ignored"
        )
        section.warn(text, "stderr_logfile", "leave one of them out")
