"""Every section and option of supervisord's files: with its default, and what older ones become."""

from __future__ import annotations

OUTPUT = {
    f"{stream}_{name}": default
    for stream in ("stdout", "stderr")
    for name, default in (
        ("logfile", "AUTO"),
        ("logfile_maxbytes", "50MB"),
        ("logfile_backups", "10"),
        ("capture_maxbytes", "0"),
        ("events_enabled", "false"),
        ("syslog", "false"),
    )
}
PROGRAM = {
    "command": "",
    "process_name": "%(program_name)s",
    "numprocs": "1",
    "numprocs_start": "0",
    "directory": "",
    "umask": "",
    "priority": "999",
    "autostart": "true",
    "startsecs": "1",
    "startretries": "3",
    "autorestart": "unexpected",
    "exitcodes": "0",
    "stopsignal": "TERM",
    "stopwaitsecs": "10",
    "stopasgroup": "false",
    "killasgroup": "false",
    "user": "",
    "redirect_stderr": "false",
    **OUTPUT,
    "environment": "",
    "serverurl": "AUTO",
}
SUPERVISORD = {
    "logfile": "supervisord.log",
    "logfile_maxbytes": "50MB",
    "logfile_backups": "10",
    "loglevel": "info",
    "pidfile": "supervisord.pid",
    "umask": "022",
    "nodaemon": "false",
    "silent": "false",
    "minfds": "1024",
    "minprocs": "200",
    "nocleanup": "false",
    "childlogdir": "",
    "user": "",
    "directory": "",
    "strip_ansi": "false",
    "environment": "",
    "identifier": "supervisor",
}
PYINIT = {
    "exit": "never",
    "stop_budget": "",
    "drain_delay": "0",
    "limits_unmet": "fail",
    "log_format": "text",
    "control_path": "",
    "control_mode": "0600",
    "control_owner": "",
    "control_allow": "",
    "insecure": "false",
    "strict": "false",
    "idle_exit": "5m",
    "tls_cert": "",
    "tls_key": "",
}
LIMITS = "limits_"  # [pyinit] has one option for each rlimit: limits_nofile
AUTHENTICATION = {"username": "", "password": ""}
KINDS = {
    "supervisord": SUPERVISORD,
    "pyinit": PYINIT,
    "program": PROGRAM,
    "fcgi-program": PROGRAM
    | {"socket": "", "socket_backlog": "", "socket_owner": "", "socket_mode": "0700"},
    "eventlistener": PROGRAM
    | {
        "priority": "-1",
        "events": "",
        "buffer_size": "10",
        "result_handler": "supervisor.dispatchers:default_handler",
    },
    "group": {"programs": "", "priority": "999"},
    "unix_http_server": {"file": "", "chmod": "0700", "chown": "", **AUTHENTICATION},
    "inet_http_server": {"port": "", **AUTHENTICATION},
    "supervisorctl": {
        "serverurl": "http://localhost:9001",
        **AUTHENTICATION,
        "prompt": "supervisor",
        "history_file": "",
    },
    "include": {"files": ""},
}
NAMED = frozenset(("program", "fcgi-program", "eventlistener", "group"))  # [KIND:NAME]
SERVERS = frozenset(("unix_http_server", "inet_http_server"))  # [KIND], or [KIND:NAME]
FREE = frozenset(("rpcinterface", "ctlplugin"))  # any option: they are the plugin's arguments
SECRET = frozenset(("password", "username", "environment"))  # values that are never shown

# What supervisord 3 has taken out, and how it is written today.
REMOVED = {
    ("program", "logfile"): "stdout_logfile",
    ("program", "logfile_maxbytes"): "stdout_logfile_maxbytes",
    ("program", "logfile_backups"): "stdout_logfile_backups",
    ("program", "log_stdout"): "stdout_logfile = NONE for what is not to be kept",
    ("program", "log_stderr"): "redirect_stderr = true, or stderr_logfile",
    (
        "supervisord",
        "http_port",
    ): "port in a section [inet_http_server], file in [unix_http_server]",
    ("supervisord", "http_username"): "username in [inet_http_server] or [unix_http_server]",
    ("supervisord", "http_password"): "password in [inet_http_server] or [unix_http_server]",
    ("supervisord", "sockchmod"): "chmod in [unix_http_server]",
    ("supervisord", "sockchown"): "chown in [unix_http_server]",
}


def kind_of(section: str) -> str:
    """Return what a section is: a key of KINDS, one of FREE, or "" for none that is known."""
    kind, colon, name = section.partition(":")
    if colon and name.strip() and (kind in NAMED or kind in SERVERS or kind in FREE):
        return kind
    return kind if not colon and kind in KINDS and kind not in NAMED else ""


def is_limit(option: str) -> bool:
    """Say whether an option of [pyinit] is one of the rlimits."""
    return option.startswith(LIMITS) and option not in PYINIT
