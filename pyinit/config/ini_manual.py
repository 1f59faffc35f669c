"""What the manual says of supervisord's files: how they are read, and the section [pyinit]."""

from __future__ import annotations

from pyinit.config import ini_options

TEXT = """\
## supervisord's files

Files that end in `.conf` or `.ini`, and others with a section `[supervisord]` or `[program:x]`,
are read as supervisord 4 reads them: every section and option, with its semantics. A directory
that holds such files is one configuration; TOML and these do not mix. Without `-c`, and without a
file at pyinit's own places, the one that supervisord would find is read; not so beside a command
(`pyinit COMMAND`), which may come to start supervisord itself.

    pyinitctl check --strict supervisord.conf       # unknown options and sections are errors
    pyinitctl show supervisord.conf                 # every option, and the line it is from
    pyinitctl convert supervisord supervisord.conf  # the same as pyinit.toml

What is the matter with a file is told all at once, with file and line, in supervisord's words. It
passes over these in silence; pyinit warns, and `--strict` refuses: options and sections that
nobody knows (with a suggestion), those that supervisord 3 has taken out (and how they are written
today), a command that a comment cuts off within quotes. Doors that everybody may enter are warned
of: a TCP port beyond loopback without a password, a Unix socket of mode 0777. So are options that
a section has twice, in one file or in several: the last value counts.

More than supervisord can:

- `%(ENV_NAME:-default)s` is `default` where the variable is not set or empty; `host_node_name`
  stands everywhere.
- Directories of log files, of `childlogdir` and of the pidfile are made when missing.
- `user` may be a number without an entry in /etc/passwd.
- `minfds` and `minprocs` are put in force before `user` is; they raise soft limits and lower none.
- `stdout_logfile = /dev/stdout` and its like are never opened: the program has the descriptor.
- An `[fcgi-program:x]` keeps its socket in a `[group:y]`.
- `port = [::1]:9001`.

AUTO log files are in `childlogdir`; without one they are in the directory for temporary files, and
what programs print is pyinit's own output, too, so that `docker logs` shows it.

### `[pyinit]`

supervisord ignores this section; here it says what is pyinit's own:

"""
DOCS = {
    "exit": '"never" is supervisord\'s way; "fail-fast", "all-done", "main:PROGRAM" as in `[init]`',
    "stop_budget": "the whole shutdown ends within it; else the sum of the groups' stopwaitsecs",
    "drain_delay": "as in `[init]`",
    "limits_unmet": '"fail", or "warn" when a limit cannot be had',
    "log_format": '"text", "json" or "supervisord"; under the name supervisord the last',
    "control_path": "the control socket",
    "control_mode": "its permissions",
    "control_owner": '"user" or "user:group" of it',
    "control_allow": "who else may do what: `deploy:operate,1000:read`",
    "insecure": "doors that everybody may enter are meant: no warning",
    "strict": "as `--strict`, at every start",
    "idle_exit": "the gateway ends when nobody was there for this long",
    "tls_cert": "PEM file of the gateway's certificate",
    "tls_key": "PEM file of its key",
}


def manual() -> str:
    """Return the part of the manual."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for option, default in ini_options.PYINIT.items():
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{option}` | {shown} | {DOCS[option]} |")
    lines.append("| `limits_nofile`... | | any rlimit, as `limits` of `[init]` has them |")
    return TEXT + "\n".join(lines) + "\n"
