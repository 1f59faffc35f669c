"""The one table of everything that may be written: it parses, it documents, it validates.

A key has the section it stands in, its kind (which chooses the converter of `values` and the
fragment of the JSON Schema), its default as documented, a sentence, and the version that has it.
Nested tables are sections of their own, named by the key that holds them (`program.stop`).
"""

from __future__ import annotations

from pyinit.core.record import Record

NOW, NEXT, LATER = "0.1", "0.2", "0.3"
AVAILABLE = frozenset({NOW})


class Key(Record):
    """One key.  `since` later than this version: known, documented, and refused with a message."""

    section: str
    name: str
    kind: str
    default: str
    doc: str
    since: str = NOW


SECTIONS = {
    "": "The file itself.",
    "init": "pyinit itself, and what is true of everything.",
    "init.log": "pyinit's own messages.",
    "init.control": "The control socket.",
    "init.exit_when": "`exit_when = { ... }`: one of the two.",
    "program": "`[program.NAME]`: one program.",
    "program.ready": "`ready = { ... }`: how a run tells that it is ready; one kind of the first.",
    "program.live": "`live = { ... }`: how a run shows that it lives still; one kind of the first.",
    "program.restart": '`restart = { ... }`; a text such as "always" is short for the policy.',
    "program.stop": '`stop = { ... }`; a text such as "INT" is short for the signal.',
    "program.hooks": "`hooks = { ... }`: commands around each run.",
    "program.reload": "`reload = { ... }`.",
    "program.schedule": "`schedule = { ... }`; a text is short for the cron line.",
    "program.capabilities": "`capabilities = { ... }`.",
    "program.stdout": "`stdout = { file = ... }`, and `stderr` alike.",
    "group": "`[group.NAME]`: programs under one name.",
    "socket": "`[socket.NAME]`: a listening socket that pyinit keeps open for programs.",
    "web": "`[web]`: the gateway for browsers, supervisord's clients and REST.",
}

KEYS = (
    Key("", "init", "table", "{}", "see below"),
    Key("", "defaults", "table", "{}", "any key of a program: what programs do not say themselves"),
    Key("", "program", "tables", "{}", "the programs, by name"),
    Key("", "group", "tables", "{}", "the groups, by name"),
    Key("", "include", "strings", "[]", "files to read too; globs, relative to this file"),
    Key("", "web", "table", "none", "the web gateway; without it nothing listens"),
    Key("", "socket", "tables", "{}", "listening sockets that programs are born with, by name"),
    # init
    Key("init", "exit", "exit", '"fail-fast"', 'when to end: "fail-fast" (a critical program gives up, or nothing is left to run), "all-done", "never", "main:NAME"'),
    Key("init", "limits", "limits", "{}", "rlimits of pyinit itself, set at boot before anything else; every program inherits them"),
    Key("init", "limits_unmet", "unmet", '"fail"', 'when a limit cannot be had: "fail" (exit 78) or "warn"'),
    Key("init", "stop_budget", "duration", '"9s"', "the whole shutdown ends within it; keep it below the container's grace period"),
    Key("init", "stop_order", "stop_order", '"graph"', 'what is stopped when: "graph" (those first that need others), "groups" (as supervisord: one group after another, the highest priority first)'),
    Key("init", "drain_delay", "duration", "0", "not ready any more, but nothing stopped yet, for this long after a stop was asked for"),
    Key("init", "env", "variables", "{}", "variables of every program"),
    Key("init", "env_file", "strings", "[]", 'files of NAME=value lines; "-path" may be missing'),
    Key("init", "umask", "mode", "inherited", "file mode mask of every program"),
    Key("init", "directory", "word", "inherited", "working directory of every program"),
    Key("init", "user", "user", "inherited", "the user pyinit itself becomes after boot"),
    Key("init", "group", "group", "the user's", "the group pyinit itself becomes"),
    Key("init", "pidfile", "word", "none", "a file that holds pyinit's pid while it runs"),
    Key("init", "log", "table", "{}", "pyinit's own messages"),
    Key("init", "control", "table", "{}", "the control socket"),
    Key("init", "signals", "signals", "{}", 'what a signal to pyinit does: { USR2 = "forward:web", HUP = "reload" }; also "restart" (stop everything, then begin anew), "reopen", "stop", "ignore"'),
    Key("init", "exit_when", "table", "none", "what ends pyinit in order, with exit status 0: for sidecars"),
    Key("init.exit_when", "file", "word", "none", "this file is there"),
    Key("init.exit_when", "process", "word", "none", "no process of this name is left, where one was seen (shared PID namespace)"),
    Key("init.log", "level", "level", '"info"', '"error", "warning", "info" or "debug"; PYINIT_LOG_LEVEL goes before'),
    Key("init.log", "format", "logformat", '"text"', '"text", "json" or "supervisord"; PYINIT_LOG_FORMAT goes before'),
    Key("init.log", "file", "word", "stderr", "where the messages go"),
    Key("init.log", "max_size", "size", '"50MB"', "rotate the file before it grows beyond this; 0 never"),
    Key("init.log", "max_files", "old_files", "10", "old files kept"),
    Key("init.log", "echo", "boolean", "false", "write the messages to stdout, too"),
    Key("init.control", "path", "word", "/run/pyinit/control.sock", "the socket; else below $XDG_RUNTIME_DIR, /tmp or /dev/shm"),
    Key("init.control", "mode", "mode", '"0600"', "permissions of the socket"),
    Key("init.control", "owner", "owner", "the user of pyinit", '"user" or "user:group" of the socket'),
    Key("init.control", "allow", "allow", "[]", 'who else may do what: ["user:read", "1000:operate", "deploy:admin"]'),
    # program
    Key("program", "command", "command", "required", "the program and its arguments: a list, or a text that is split as a shell splits (no shell runs)"),
    Key("program", "shell", "boolean", "false", "hand the text of `command` to /bin/sh -c"),
    Key("program", "type", "type", '"service"; "oneshot" with schedule', '"service" runs on; "oneshot" is done when it ends well; "forking" goes into the background, and is followed there'),
    Key("program", "pidfile", "word", "none", 'with type = "forking": where it writes the pid to follow; without, the oldest process that it leaves behind'),
    Key("program", "directory", "word", "inherited", "working directory"),
    Key("program", "umask", "mode", "inherited", "file mode mask"),
    Key("program", "env", "variables", "{}", "variables, over those of [init] and of env_file"),
    Key("program", "env_file", "strings", "[]", 'files of NAME=value lines; "-path" may be missing'),
    Key("program", "env_dir", "word", "none", "a directory with a file for each variable"),
    Key("program", "env_pass", "strings", '["*"]', "which of pyinit's own variables are passed on; globs"),
    Key("program", "secrets", "variables", "{}", "NAME = path of a file that is read at each start and set as variable; masked wherever variables are shown"),
    Key("program", "user", "user", "pyinit's", "name or number; HOME, USER and LOGNAME follow"),
    Key("program", "group", "group", "the user's", "name or number; a user without an entry has no group of its own and keeps pyinit's"),
    Key("program", "groups", "groups", "the user's", "supplementary groups"),
    Key("program", "instances", "instances", "1", "processes NAME:0 to NAME:N-1; ${INSTANCE} in strings"),
    Key("program", "autostart", "boolean", "true; false with schedule or on_demand", "start at boot"),
    Key("program", "critical", "boolean", "true; false with schedule", 'if it fails for good, everything ends (exit = "fail-fast")'),
    Key("program", "priority", "priority", "999", "order among programs that may start at the same time; the lowest first"),
    Key("program", "depends_on", "depends", "{}", '{ db = "ready", migrate = "completed", cache = "started", seed = "done", queue = { condition = "ready", timeout = "30s" } }; without them it does not start, and a stop or restart of theirs is one of it, too'),
    Key("program", "wants", "depends", "{}", "as depends_on, but whatever comes of them, the start goes on, and they are stopped and restarted alone"),
    Key("program", "ready", "table", "none", "how a run tells that it is ready"),
    Key("program", "restart", "restart", '"on-failure"', '"always", "on-failure", "never", or a table'),
    Key("program", "success_codes", "codes", "[0]", "exit statuses that are no failure"),
    Key("program", "start_seconds", "duration", "1", "up this long counts as started"),
    Key("program", "stop", "stop", "{}", "how a run is ended"),
    Key("program", "reload", "table", "none", "what `reload` does when only files of this program changed"),
    Key("program", "limits", "limits", "inherited", "rlimits by lower-case name, set in the child before the user is dropped"),
    Key("program", "limits_unmet", "unmet", "as [init]", '"fail" (the start fails) or "warn"'),
    Key("program", "nice", "nice", "inherited", "-20 to 19"),
    Key("program", "oom_score_adj", "oom", "inherited", "-1000 to 1000"),
    Key("program", "cpu_affinity", "processors", "inherited", 'processors: [0, 1] or "0-3"'),
    Key("program", "io_priority", "io", "inherited", '"idle", "best-effort:4", "realtime:0"'),
    Key("program", "no_new_privs", "boolean", "false", "never gain privileges by exec"),
    Key("program", "capabilities", "table", "inherited", "the capabilities that are kept"),
    Key("program", "securebits", "securebits", "inherited", '["noroot", "no_setuid_fixup", "no_cap_ambient_raise", ...], each also with _locked: capabilities(7)'),
    Key("program", "parent_death_signal", "signal", "none", "sent to the run if pyinit dies"),
    Key("program", "stdout", "sinks", '"inherit"', '"inherit", "prefix", "json", "null", { file = ... }, or a list of these'),
    Key("program", "stderr", "sinks", '"inherit"', 'as stdout; "stdout" sends it where stdout goes'),
    Key("program", "hooks", "table", "none", "commands around each run; run as the program is"),
    Key("program", "live", "table", "none", "how a run shows that it lives still, while it runs"),
    Key("program", "sockets", "strings", "[]", "sockets of [socket.NAME] that it is born with: descriptors 3, 4, ... in this order, told by LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID"),
    Key("program", "stdin", "stdin", '"null"', '"null" (/dev/null), or "socket:NAME": a socket of [socket.NAME] as descriptor 0, as FastCGI programs want it'),
    Key("program", "on_demand", "boolean", "false", "it is started by the first connection to its `sockets`, not at boot"),
    Key("program", "idle_exit", "duration", "none", "with on_demand: it is stopped when nobody was connected for this long; the next connection starts it again"),
    Key("program", "schedule", "schedule", "none", 'when it is started by itself, for oneshots: a cron line such as "*/5 * * * *", or a table'),
    Key("program", "runtime", "runtime", "none", '"go": GOMEMLIMIT and GOMAXPROCS from what the container may use, shared out among the Go processes; stop.dump_signal = "QUIT"'),
    Key("program", "max_memory", "size", "none", "a run whose processes have more resident memory than this together is restarted as a failed one; 0 is no bound"),
    Key("program", "watch", "watch", "false", "act when the files of env_file, env_dir and secrets change; a list of paths is watched beside them"),
    # nested
    Key("program.ready", "output", "word", "none", "a regular expression found in a line of its output"),
    Key("program.ready", "fd", "fd", "none", "it writes a newline to this descriptor"),
    Key("program.ready", "notify", "boolean", "false", "it sends READY=1 to $NOTIFY_SOCKET (sd_notify)"),
    Key("program.ready", "file", "word", "none", "this file appears"),
    Key("program.ready", "delay", "duration", "none", "it has been up this long: less than the timeout"),
    Key("program.ready", "http", "url", "none", 'a GET is answered by 2xx or 3xx: ":8080/healthz", "http://127.0.0.1:8080/healthz", "unix:/run/app.sock:/healthz"'),
    Key("program.ready", "tcp", "address", "none", 'a connection is accepted: ":5432", "127.0.0.1:5432"'),
    Key("program.ready", "unix", "word", "none", "a connection to this Unix socket is accepted"),
    Key("program.ready", "exec", "command", "none", "a command ends with 0; it is run as the program is"),
    Key("program.ready", "timeout", "duration", '"30s"', "not ready by then is a failed start"),
    Key("program.ready", "interval", "duration", '"1s"', "between two looks at `file`, or two probes; the first ones come sooner"),
    Key("program.live", "http", "url", "none", "as in ready"),
    Key("program.live", "tcp", "address", "none", "as in ready"),
    Key("program.live", "unix", "word", "none", "as in ready"),
    Key("program.live", "exec", "command", "none", "as in ready"),
    Key("program.live", "watchdog", "duration", "none", "it sends WATCHDOG=1 to $NOTIFY_SOCKET at least this often; it is told so by WATCHDOG_USEC"),
    Key("program.live", "interval", "duration", '"10s"', "between two probes, and before the first"),
    Key("program.live", "timeout", "duration", '"5s"', "no answer by then is a bad one"),
    Key("program.live", "failures", "times", "3", "this many bad answers in a row are the end of the run"),
    Key("program.live", "action", "live_action", '"restart"', 'what follows: "restart" (as after any failed run), "stop" (it stays down as failed), "exit" (then everything stops)'),
    Key("program.restart", "policy", "policy", '"on-failure"', '"always", "on-failure" or "never"'),
    Key("program.restart", "delay", "duration", '"500ms"', "before the next run after the first failure"),
    Key("program.restart", "factor", "factor", "2", "the delay grows by it with each failure in the window"),
    Key("program.restart", "max_delay", "duration", '"30s"', "but not beyond this"),
    Key("program.restart", "jitter", "jitter", "0.1", "fraction of the delay that is left to chance"),
    Key("program.restart", "window", "duration", '"60s"', "how long a failed run counts"),
    Key("program.restart", "max", "count", "5", "more failed runs than this in the window: give up; 0 never"),
    Key("program.restart", "retries", "count", "none", "supervisord's rule instead: runs that end before they are up are tried again so often, after 1, 2, 3... seconds; one that was up is followed at once"),
    Key("program.stop", "signal", "signals_in_turn", '"TERM"', "one, or several tried in turn within the timeout"),
    Key("program.stop", "timeout", "duration", '"10s"', "then KILL"),
    Key("program.stop", "kill", "kill", '"tree"', '"tree" (group and every descendant), "group", "process"'),
    Key("program.stop", "last", "kill", "as kill", "how far the KILL reaches, where that is further"),
    Key("program.stop", "dump_signal", "signal", 'none; QUIT with runtime = "go"', "sent a second before KILL (QUIT makes a Go program print its goroutines)"),
    Key("program.stop", "command", "command", "none", "run in the place of the first signal; MAINPID is the run's pid"),
    Key("program.reload", "signal", "signal", "none", "this signal"),
    Key("program.reload", "command", "command", "none", "or this command; MAINPID is the run's pid"),
    Key("program.schedule", "cron", "word", "none", '"minute hour day month weekday" as in crontab(5), or "@hourly", "@daily", "@weekly", "@monthly", "@yearly"'),
    Key("program.schedule", "every", "duration", "none", "instead of cron: so long after the last start; the first time so long after boot"),
    Key("program.schedule", "timezone", "word", "of the machine", 'how cron is read: "Europe/Berlin", "UTC"'),
    Key("program.schedule", "overlap", "overlap", '"skip"', 'when its time comes and it still runs: "skip", "queue" (once more afterwards), "replace" (it is stopped and started anew)'),
    Key("program.hooks", "pre_start", "command", "none", "before each start; fails it by failing, and has as long as the start (ready.timeout, else 30 s)"),
    Key("program.hooks", "post_start", "command", "none", "once the run is up; nothing waits for it"),
    Key("program.hooks", "pre_stop", "command", "none", "before the first signal of a stop, within stop.timeout"),
    Key("program.hooks", "post_stop", "command", "none", "after each run, when nothing of it is left; what follows waits for it, as long as stop.timeout"),
    Key("program.capabilities", "keep", "capability_set", "all", "the bounding set is cut to these"),
    Key("program.capabilities", "drop", "capability_set", "[]", 'taken out of the bounding set; "all" is what docker and Kubernetes call ALL'),
    Key("program.capabilities", "ambient", "capabilities", "[]", "raised, so that a user other than root has them"),
    Key("program.stdout", "file", "word", "required", "path; its directory is made when missing"),
    Key("program.stdout", "max_size", "size", '"50MB"', "rotate before it grows beyond this; 0 never"),
    Key("program.stdout", "max_files", "old_files", "10", "old files kept"),
    Key("program.stdout", "compress", "boolean", "false", "gzip old files"),
    Key("program.stdout", "owner", "owner", "pyinit's", '"user" or "user:group"'),
    Key("program.stdout", "mode", "mode", '"0644"', "permissions"),
    Key("program.stdout", "format", "form", '"raw"', '"raw", "prefix", "json" or "tai64n"'),
    Key("group", "programs", "strings", "required", "the programs of the group"),
    Key("group", "priority", "priority", "999", "order of the group's programs that have none of their own"),
    Key("socket", "listen", "word", "required", 'where: "127.0.0.1:8080", "[::1]:8080", ":8080" (every address, of IPv6 and IPv4), "unix:/run/app.sock"'),
    Key("socket", "backlog", "backlog", "4096", "connections that wait until they are accepted; the kernel allows net.core.somaxconn"),
    Key("socket", "mode", "mode", '"0600"', "permissions of a Unix socket"),
    Key("socket", "owner", "owner", "the user of pyinit", '"user" or "user:group" of a Unix socket'),
    Key("socket", "reuse_port", "boolean", "false", "others of the same user may listen at the same port, too (SO_REUSEPORT)"),
    Key("web", "listen", "strings", "required", 'where: "127.0.0.1:9001", "[::1]:9001", "unix:/run/pyinit/web.sock", or a list of these; beyond this machine only with a password'),
    Key("web", "username", "word", "none", "who may come in; with password or password_file"),
    Key("web", "password", "word", "none", "as clear text, {SHA}hex or {SSHA256}base64; never shown anywhere"),
    Key("web", "password_file", "word", "none", "a file with the password, read when the configuration is"),
    Key("web", "read_only", "boolean", "false", "nothing can be changed there"),
    Key("web", "insecure", "boolean", "false", "everybody who reaches it may control everything: that is meant"),
    Key("web", "rpc", "boolean", "true", "supervisord's XML-RPC, too"),
    Key("web", "mode", "mode", '"0600"', "permissions of Unix sockets"),
    Key("web", "owner", "owner", "the user of pyinit", '"user" or "user:group" of Unix sockets'),
    Key("web", "tls_cert", "word", "none", "PEM file of the certificate and those above it"),
    Key("web", "tls_key", "word", "none", "PEM file of its key"),
    Key("web", "idle_exit", "duration", '"5m"', "the gateway ends when nobody was there for this long; the next connection starts it again"),
)  # fmt: skip

_SECTIONS: dict[str, dict[str, Key]] = {}
for _key in KEYS:
    _SECTIONS.setdefault(_key.section, {})[_key.name] = _key


def section(name: str) -> dict[str, Key]:
    """Return the keys of a section by name."""
    return _SECTIONS[name]
