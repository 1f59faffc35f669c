"""One process of a supervisord file as the rows of a `[program.NAME]`."""

from __future__ import annotations

from pyinit.config.ini_markers import is_quoted
from pyinit.core.status import SIGNAL_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_markers import Markers
    from pyinit.core.plan import InitPlan, Launch, ProcessPlan, Sink

RESTART: dict[str, object] = {"policy": "on-failure", "retries": 3}
STOP: dict[str, object] = {"signal": "TERM", "timeout": "10s", "kill": "process"}
OURS = frozenset(
    (
        *("SUPERVISOR_ENABLED", "SUPERVISOR_SERVER_URL"),
        *("SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME"),
    )
)
USUAL = 999
SIZE, FILES = 50 << 20, 10  # as TOML has them where nothing is said
UNITS = (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10))


def body(
    process: ProcessPlan,
    init: InitPlan,
    user: str,
    markers: Markers,
    notes: list[str],
    title: str,
) -> tuple[str, ...]:
    """Return the rows; what they cannot say goes into `notes`, under `title`."""
    launch = process.launch
    rows = [f"command = {_command(process, markers)}"]

    def row(key: str, value: object, default: object) -> None:
        if value != default:
            rows.append(f"{key} = {markers.toml(value)}")

    row("directory", launch.directory, None)
    row("umask", None if launch.umask is None else f"{launch.umask:04o}", None)
    if user:
        row("user", user, "")
        notes.append("HOME, USER and LOGNAME follow `user`; under supervisord they are root's")
    common = dict(init.env)
    own = {
        name: value for name, value in launch.env if name not in OURS and common.get(name) != value
    }
    row("env", own, {})
    row("autostart", process.autostart, True)
    if (process.priority, process.group_priority) != (USUAL, USUAL):
        rows.append(f"priority = {process.priority}")
    row("restart", _differing(_restart(process), RESTART), {})
    row("success_codes", list(process.success_codes), [0])
    row("start_seconds", int(process.start_s), 1)
    row("stop", _differing(_stop(process), STOP), {})
    row("stdout", _stream(launch.stdout, process, "stdout", notes, title, markers), "inherit")
    row("stderr", _stream(launch.stderr, process, "stderr", notes, title, markers), "inherit")
    _tell(launch, notes, title)
    return tuple(rows)


def _command(process: ProcessPlan, markers: Markers) -> str:
    """Return a list of words; a text where a variable may be several of them, as before."""
    argv = process.launch.argv
    if not any(markers.is_in(word) for word in argv):
        return markers.toml(list(argv))
    import shlex

    words = []
    for word in argv:
        quoted = shlex.quote(word)
        if markers.is_in(word) and quoted == word and is_quoted(process.command, word):
            quoted = f"'{word}'"
        words.append(quoted)
    return markers.toml(" ".join(words))


def _differing(found: dict[str, object], usual: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in found.items() if usual.get(key) != value}


def _restart(process: ProcessPlan) -> dict[str, object]:
    return {"policy": process.restart.policy, "retries": process.restart.retries}


def _stop(process: ProcessPlan) -> dict[str, object]:
    stop = process.stop
    number = stop.signals[0]
    name = SIGNAL_NAMES[number] if number < len(SIGNAL_NAMES) else ""
    found: dict[str, object] = {
        "signal": name or number,
        "timeout": f"{int(stop.timeout)}s",
        "kill": stop.kill,
    }
    return found | ({"last": stop.last} if stop.last else {})


def _stream(
    sinks: tuple[Sink, ...],
    process: ProcessPlan,
    stream: str,
    notes: list[str],
    title: str,
    markers: Markers,
) -> object:
    kinds = [sink.kind for sink in sinks]
    if "syslog" in kinds:
        text = f"{title}: {stream} does not go to syslog"
        notes.append(f"{text}: the container's own log has it, or its file")
    for sink in sinks:
        if sink.kind == "file":
            return _file(sink, sink.path)
        if sink.kind == "auto" and "copy" not in kinds:
            name = process.program.replace("/", "-")
            many = f"-{markers.instance}" if process.name.count(":") else ""
            return _file(sink, f"{sink.path}/{name}-{stream}{many}.log")
    other = next((sink.path for sink in sinks if sink.kind == "copy" and sink.path), "")
    if other:
        notes.append(f"{title}: its {stream} goes to pyinit's {stream}, no more to {other}")
        return "inherit"
    if "auto" in kinds:
        text = '{}: its output is pyinit\'s; "prefix" also keeps its end for `pyinitctl logs`'
        notes.append(text.format(title))
        return "inherit"
    return kinds[0] if kinds[0] in ("null", "stdout") else "inherit"


def _file(sink: Sink, path: str) -> dict[str, object]:
    found: dict[str, object] = {"file": path}
    if sink.max_size != SIZE:
        found["max_size"] = _size(sink.max_size)
    if sink.max_files != FILES:
        found["max_files"] = sink.max_files
    return found


def _size(count: int) -> object:
    for unit, factor in UNITS:
        if count and count % factor == 0:
            return f"{count // factor}{unit}"
    return count


def _tell(launch: Launch, notes: list[str], title: str) -> None:
    for stream, channel in zip(("stdout", "stderr"), launch.channels, strict=True):
        if channel.capture or channel.events:
            notes.append(f"{title}: no events of its {stream}: there are no listeners")
        if channel.strip_ansi:
            notes.append("strip_ansi: what programs write is kept as it is")
    if launch.stdin == "pipe":
        notes.append("stdin of programs is /dev/null, no pipe that stays open")
