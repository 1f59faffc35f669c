"""[supervisord] and [pyinit] become what is true of pyinit itself, and of every program."""

from __future__ import annotations

import posix

from pyinit.config import build, ini_options, ini_values, paths, values
from pyinit.config.ini_section import Common, Section
from pyinit.config.limits import RESOURCES, limit
from pyinit.config.problems import ValueFault, suggest
from pyinit.config.program_probes import bindable
from pyinit.core.plan import ControlPlan, InitPlan, Limit, LogPlan
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.config.users import Account

SIGNALS = ((1, "restart"), (12, "reopen"))
NOTHING = "/dev/null"  # as the file of pyinit's log: what it says is echoed, and not kept
OWN_STREAMS = frozenset(("/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", NOTHING))
PERSONALITY = "supervisord"


def common(section: Section, server_url: str) -> Common:
    """Return what all programs have in common."""
    account = _account(section)
    environment = section.get("environment", ini_values.environment, {})
    stays = section.flag("nodaemon")
    for option in ("directory", "umask"):
        if stays and section.has(option):
            text = f"{option} means nothing with nodaemon=true, as in supervisord"
            section.warn(text, option, f"write {option} in the programs")
    if section.has("nodaemon") and not stays:
        text = "nodaemon=false means nothing here: pyinit stays in the foreground without -d"
        section.warn(text, "nodaemon", "write nodaemon = true")
    base = _here()
    directory = section.get("directory", lambda text: ini_values.path(text, base), None)
    umask = section.get("umask", ini_values.octal, 0o022)
    childlogdir = section.get("childlogdir", lambda text: ini_values.path(text, base), "")
    return Common(
        environment=tuple(sorted(environment.items())),
        server_url=server_url,
        uid=account.uid if account else posix.geteuid(),
        directory=None if stays else directory,
        umask=None if stays else umask,
        base=base if stays or directory is None else directory,
        logs=childlogdir or _temporary(section),
        copied=not childlogdir,
        strip_ansi=section.flag("strip_ansi"),
    )


def init(section: Section, own: Section | None, name: str) -> InitPlan:
    """Return what [supervisord] says, and what [pyinit] says otherwise; `name` is whom we are."""
    account = _account(section)
    if account is not None and account.uid == 0:
        account = None  # supervisord drops nothing then, and neither has the right to
        if posix.geteuid() != 0:
            text = "user=root, but pyinit does not run as root: it stays who it is"
            section.warn(text, "user", "leave it out")
    limits = [_least(section, "minfds", "nofile"), _least(section, "minprocs", "nproc")]
    plan = InitPlan(
        exit="never",
        limits=tuple([one for one in limits if one is not None]),
        uid=account.uid if account else None,
        gid=account.gid if account else None,
        groups=account.groups if account else None,
        env=section.world.common.environment,
        pidfile=_pidfile(section, name),
        log=_log(section, name),
        signals=SIGNALS,
        stop_order="groups",
        identifier=section.text("identifier", "supervisor"),
        cleanup=not section.flag("nocleanup"),
    )
    return plan if own is None else _otherwise(plan, own)


def _account(section: Section) -> Account | None:
    accounts = section.world.accounts
    return section.get("user", lambda text: ini_values.user(text, accounts), None)


def _least(section: Section, option: str, resource: str) -> Limit | None:
    wanted = section.get(option, ini_values.integer, None)
    return None if wanted is None or wanted <= 0 else Limit(resource, wanted, least=True)


def _temporary(section: Section) -> str:
    for variable in ("ENV_TMPDIR", "ENV_TEMP", "ENV_TMP"):
        found = str(section.names.get(variable, ""))
        if found and paths.is_directory(found):
            return paths.absolute(found)
    return "/tmp"  # noqa: S108  where supervisord has them


def _here() -> str:
    try:
        return posix.getcwd()
    except OSError:  # it was removed
        return "/"


def _log(section: Section, name: str) -> LogPlan:
    """Return pyinit's own log: a file, and stdout as well unless `silent`."""
    is_supervisord = name == PERSONALITY
    file = _log_file(section, is_supervisord=is_supervisord)
    plan = LogPlan(
        level=section.get("loglevel", ini_values.level, "info"),
        format="supervisord" if is_supervisord else "text",
        file=file,
        max_size=section.get("logfile_maxbytes", ini_values.size, 50 << 20),
        max_files=max(0, section.get("logfile_backups", ini_values.integer, 10)),
    )
    silent = section.flag("silent")
    is_own = file is None or (file in OWN_STREAMS and file != NOTHING)
    return plan if is_own else replace(plan, echo=not silent)


def _log_file(section: Section, *, is_supervisord: bool) -> str | None:
    base = _here()
    if not section.has("logfile"):
        default = paths.join(base, ini_options.SUPERVISORD["logfile"])
        if not is_supervisord:
            return None
        return default if posix.access(base, posix.W_OK) else NOTHING
    written = section.text("logfile").strip()
    if written.lower() == "syslog":
        text = "pyinit's own log does not go to syslog: it is written to stdout"
        section.warn(text, "logfile", "write logfile = /path, or leave it out")
        return NOTHING
    if written.lower() in ("none", "off", ""):
        return NOTHING
    if written in OWN_STREAMS:
        return written
    return section.get("logfile", lambda text: ini_values.path(text, base), None)


def _pidfile(section: Section, name: str) -> str | None:
    """Return the pidfile; none where it cannot be made: supervisord goes on without, too."""
    base = _here()
    if not section.has("pidfile"):
        default = paths.join(base, ini_options.SUPERVISORD["pidfile"])
        return default if name == PERSONALITY and posix.access(base, posix.W_OK) else None
    path = section.get("pidfile", lambda text: ini_values.path(text, base), "")
    above = paths.directory_of(path)
    while above and not paths.is_there(above):  # what is missing is made
        above = paths.directory_of(above) if above != "/" else ""
    if not path or path == NOTHING:
        return None
    if not posix.access(above, posix.W_OK) and not paths.status(path):
        text = f"the pidfile cannot be written: {above} is not writable"
        section.warn(text, "pidfile", "write pidfile = /tmp/supervisord.pid")
        return None
    return path


def _otherwise(plan: InitPlan, own: Section) -> InitPlan:
    """Return the plan with what [pyinit] says."""
    limits = {one.resource: one for one in plan.limits} | _limits(own)
    accounts = own.world.accounts
    control = plan.control
    uid, gid = own.get("control_owner", lambda text: ini_values.owner(text, accounts), (None, None))
    return replace(
        plan,
        exit=own.get("exit", build.exit_rule, plan.exit),
        limits=tuple([limits[name] for name in sorted(limits)]),
        limits_unmet=own.get("limits_unmet", values.choice("fail", "warn"), "fail"),
        drain_delay=own.get("drain_delay", values.duration, 0.0),
        log=replace(
            plan.log,
            format=own.get(
                "log_format", values.choice("text", "json", "supervisord"), plan.log.format
            ),
        ),
        control=ControlPlan(
            path=own.get("control_path", bindable, None),
            mode=own.get("control_mode", values.mode, control.mode),
            uid=uid,
            gid=gid,
            allow=own.get("control_allow", lambda text: _allow(own, text), ()),
        ),
    )


def _allow(own: Section, text: str) -> tuple[tuple[int, str], ...]:
    return build.allow(list(ini_values.words(text)), own.world.accounts)


def _limits(own: Section) -> dict[str, Limit]:
    found: dict[str, Limit] = {}
    for option in own.block.entries:
        if not ini_options.is_limit(option):
            continue
        resource = option.removeprefix(ini_options.LIMITS)
        one = own.get(option, _limit_of(resource), None)
        if one is not None:
            found[resource] = one
    return found


def _limit_of(resource: str) -> Callable[[str], Limit | None]:
    def convert(text: str) -> Limit | None:
        if resource not in RESOURCES:
            raise ValueFault(f'there is no limit "{resource}"', suggest(resource, RESOURCES))
        return limit(resource, int(text) if text.isascii() and text.isdecimal() else text)

    return convert
