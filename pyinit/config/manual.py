"""Writes docs/configuration.md: what may be written, from the table that the parser uses."""

from __future__ import annotations

from pyinit.config import ini_manual, limits, schema, values

OPENING = """\
# pyinit.toml

*Written by `make docs` from the table that the parser uses (`pyinit/config/schema.py`).*

One file, or several, say which programs run and how. `pyinit --check -c FILE` and
`pyinitctl check FILE` report every fault of every file at once, each with file, line and fix;
`pyinitctl show FILE [NAME]` prints every value that holds and where it comes from;
`pyinitctl schema` prints a JSON Schema for editors ([pyinit.schema.json](pyinit.schema.json):
taplo takes it from a first line `#:schema ./pyinit.schema.json`).

```toml
[init]
limits = { nofile = 65536 }

[defaults]
stdout = "prefix"

[program.migrate]
command = ["/app/migrate"]
type = "oneshot"

[program.web]
command = ["/app/web", "-addr", ":${PORT:-8080}"]
depends_on = { migrate = "completed" }
ready = { output = "^listening" }
```

## Which files are read

1. `-c PATH`, as often as it is given: a `.toml` file, or a directory whose `*.toml` files are
   read in the order of their names (hidden files are not);
2. else `$PYINIT_CONFIG`: one or several such paths, separated by colons;
3. else `/etc/pyinit/pyinit.toml` and then the directory `/etc/pyinit/conf.d`, if they exist;
4. else the file that supervisord would find, see [its files](#supervisords-files).

`include = ["conf.d/*.toml", "site.toml"]` at the top of a file reads more of them right after it.
Paths are relative to the file that says `include`. A pattern may match nothing (there is a
warning); a name without `*`, `?` or `[` must exist. Each file is read once, whatever leads to it;
files that include each other in a circle are an error. Links are followed: the files of a
Kubernetes ConfigMap are read as they are. A file has at most 16 MB, a configuration 1,000 files.
Where pyinit is root, it refuses a file that everybody may write, and one that another user has put
into a directory that everybody may write; such a directory it warns of, and in supervisord's files
of all this. What is mounted read-only may have any mode.

## What wins

- A program is in one file; a second one of the same name is an error.
- What a program does not say itself, `[defaults]` says, whatever file that is in; if several
  files have `[defaults]` or `[init]`, a key of the file read last wins.
- Tables merge key by key: `env`, `secrets`, `limits`, `signals`, `restart`, `stop`, `reload`,
  `capabilities`, `log`, `control`. A program with `restart = "always"` keeps the `delay` of
  `[defaults]`, and `limits = { core = "inherit" }` takes a limit of `[defaults]` away.
  Everything else is replaced as a whole: lists, `ready`, `depends_on`, `stdout`, `env_file`.
- The environment of a program, later ones winning: pyinit's own as far as `env_pass` lets it;
  `env_file` and `env` of `[init]`; HOME, USER and LOGNAME of its `user`; `env_file`; `env_dir`;
  `env` of `[defaults]`, then its own; PYINIT_PROGRAM, PYINIT_PROCESS, PYINIT_SOCKET; `secrets`.

## In front of a command

`pyinit COMMAND` runs the command as the program `main`, beside those of a configuration if there is
one. Every signal that can be caught goes to it (but for those that `signals` says something of),
TERM too, and nothing more happens: as in front of tini it takes the time it needs, minutes if the
container's grace period has them, and pyinit does not kill it. Its end is the end: `stop_budget`
bounds what the other programs and its own descendants may take then. `pyinitctl shutdown` stops the
command, too, within `stop_budget`. `exit` means nothing here (there is a warning where a file says
it), and a `critical` program that fails does not end pyinit.

## What a reload changes

`pyinitctl reload`, or HUP, starts, stops and restarts the programs that differ, and only those. Of
`[init]` it tells every key that differs, and since when it holds:

- at once: `exit`, `stop_budget`, `stop_order`, `drain_delay`, `signals`, `env`, `limits_unmet`,
  `log`, `control.allow`;
- `limits`: at once for pyinit and what starts from then on; what runs keeps its own until
  `pyinitctl limits all nofile=N`, which holds until the configuration says another number;
- from the next start of pyinit on (a re-exec is none): `user`, `group`, `umask`, `directory`,
  `pidfile`, and `path`, `mode` and `owner` of `control`.

The keys of `[web]` and of `[socket.NAME]` that differ are told, too, and hold at once.

Programs that have `umask`, `directory`, `env` and `limits_unmet` from `[init]` are restarted when
these differ. A limit that is left out stays as it is until the next start. One that cannot be had
fails the reload, and the old configuration stays in force, unless `limits_unmet = "warn"`.

## Values

| form | what may be written |
|---|---|
| duration | `"500ms"`, `"10s"`, `"5m"`, `"1h"`, `"1d"`, `"1m30s"` (a sum), or seconds: `2.5` |
| size | `"64KB"`, `"50MB"`, `"1GB"` (a KB is 1,024 bytes), or a number of bytes |
| mode | octal, as a text: `"0640"`, or with TOML's prefix: `0o640` |
| user, group | a name, or a number as text or number; numbers need no entry in /etc/passwd |
| signal | `"TERM"`, `"SIGTERM"`, `15`, `"RTMIN+3"` |
| limit | see [Limits](#limits) |
| list | `["a", "b"]`; where there is only one, `"a"` alone |
| command | a list, executed as it is: `["/bin/web", "-v"]`; or a text, split as a shell does |

A command that is a text is split at blanks; quotes and backslashes mean what they mean to a
shell, but no shell runs: pipes, redirections, globs and `&&` need `shell = true`, and in `hooks`,
`ready`, `live`, `stop` and `reload` a command such as `["/bin/sh", "-c", "..."]`. `check` warns
where it is missing.

**Variables** of pyinit's environment stand in any text:

| written | becomes |
|---|---|
| `${NAME}` | its value; an error if it is not set |
| `${NAME:-default}` | its value, or `default` if it is not set or empty; it may hold variables |
| `${NAME:?message}` | its value, or an error with `message` if it is not set or empty |
| `$$` | a dollar; one that no `{` or `$` follows stands for itself |
| `${INSTANCE}` | in a program: the number of the process, from 0 |

A variable may be a whole number or a truth: `instances = "${WORKERS:-2}"`.

**Files of variables** (`env_file`) hold lines `NAME=value`, also with `export` before them.
`#` begins a comment at the start of a line or after a blank. In single quotes everything is as it
stands; in double quotes `\\n`, `\\t`, `\\r`, `\\"`, `\\\\` and `\\$` are escapes. Quotes may span
lines, and lines may end in CRLF. Blanks around a name and a plain value are not part of it. Nothing
is expanded. What a wrong line holds is not told, only where it is. `"-path"` may be missing.
`env_dir` is a directory with a file for each variable, of which the first line counts. Paths of
`env_file`, `env_dir` and `secrets` are relative to the file that says them; others are relative to
where pyinit runs.

### Limits

`limits = { nofile = 65536, core = "unlimited", nproc = "1024:4096" }`; the names are those of
setrlimit(2) in lower case: LIMITS.

| written | soft limit | hard limit |
|---|---|---|
| `N` | N | raised to N if it is lower |
| `"max"` | the hard limit | as it is |
| `"unlimited"` | none | none |
| `"SOFT:HARD"` | SOFT, or up to HARD if it is `max` | HARD, or as it is if it is `max` |
| `">=N"` | N, or as it is if that is more | raised to N if it is lower |
| `"inherit"` | as it is | as it is |

IN_BYTES are in bytes and take sizes (`"64MB"`). For `nofile`, unlimited is what the kernel
allows one process (`fs.nr_open`). What cannot be had is an error, or a warning with
`limits_unmet = "warn"`; the message names the knob of the container.

### Signals

SIGNALS, `RTMIN` to `RTMIN+30` and `RTMAX-30` to `RTMAX`; with or without `SIG`, in any case.
"""


def manual() -> str:
    """Return the page."""
    resources = ", ".join([f"`{name}`" for name in limits.RESOURCES])
    in_bytes = ", ".join([f"`{name}`" for name in sorted(limits.IN_BYTES)])
    signals = ", ".join([f"`{name}`" for name in values.SIGNALS if not name.startswith("RT")])
    opening = OPENING.replace("IN_BYTES", in_bytes).replace("LIMITS.", f"{resources}.")
    opening = opening.replace("SIGNALS,", f"{signals},")
    blocks = [opening]
    for name, doc in schema.SECTIONS.items():
        blocks.append(f"## {_title(name)}\n\n{doc}\n\n{_table(name)}")
    blocks.append(ini_manual.manual())
    if any(key.since not in schema.AVAILABLE for key in schema.KEYS):
        blocks.append(f"## Not in this version\n\n{_planned()}")
    return "\n".join(blocks)


def _title(name: str) -> str:
    top, _, inner = name.partition(".")
    if not name:
        return "The top of a file"
    header = f"[{top}.NAME]" if top in {"program", "group", "socket"} else f"[{top}]"
    return f"`{header}`: `{inner}`" if inner else f"`{header}`"


def _table(name: str) -> str:
    rows = [key for key in schema.section(name).values() if key.since in schema.AVAILABLE]
    lines = ["| key | default | meaning |", "|---|---|---|"]
    lines += [f"| `{key.name}` | {_default(key.default)} | {_cell(key.doc)} |" for key in rows]
    return "\n".join(lines) + "\n"


def _planned() -> str:
    """Return what is known and refused."""
    lines = [
        "These are known, and refused with a message, so that nothing is silently left out:",
        "",
    ]
    for key in schema.KEYS:
        if key.since not in schema.AVAILABLE:
            where = f"`{_where(key)}`"
            lines.append(f"- {where}: {key.doc} (planned for {key.since})")
    return "\n".join(lines) + "\n"


def _where(key: schema.Key) -> str:
    return f"{key.section}.{key.name}" if key.section else key.name


def _default(text: str) -> str:
    from pyinit.config.written import is_value

    return f"`{text}`" if is_value(text) or text.startswith("/") else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(manual(), end="")
