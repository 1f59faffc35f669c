"""Verbs of pyinitctl that need no pyinit running: check, show, schema, completion."""

from __future__ import annotations

from pyinit.cli.present import say
from pyinit.cli.verbs import COMMON, VERBS
from pyinit.cli.words import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.cli.ctl import Call

NAMED = ("status", "start", "stop", "restart", "logs", "events", "why", "limits", "env", "wait")


def check(call: Call) -> int:
    """Check the configuration that the files make together."""
    from pyinit.cli.check import run_check

    return run_check(call.names, as_json=call.json)


def show(call: Call) -> int:
    """Print the effective configuration."""
    from pyinit.cli.show import run_show

    file, *name = call.names
    return run_show([file], name[0] if name else None, as_json=call.json)


def schema(_call: Call) -> int:
    """Print the JSON Schema."""
    from pyinit.cli.schema import run_schema

    return run_schema()


def completion(call: Call) -> int:
    """Print a script that a shell reads to complete pyinitctl's words."""
    shells = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    name = call.names[0]
    if name not in shells:
        raise UsageError(f"no completion for '{name}'\n  known: {', '.join(shells)}")
    say(shells[name]())
    return 0


def _options(verb: str) -> list[str]:
    return [name for option in (*VERBS[verb].options, *COMMON) for name in option.names]


NAMES_COMMAND = (
    "pyinitctl --json status 2>/dev/null | tr ',{' '\\n\\n' |"
    """ sed -n 's/^ *"name": *"\\([^"]*\\)".*/\\1/p'"""
)


def _bash() -> str:
    cases = "\n".join([f"    {verb}) words='{' '.join(_options(verb))}' ;;" for verb in VERBS])
    return f"""\
# bash completion for pyinitctl: source it, or put it into /etc/bash_completion.d
_pyinitctl() {{
  local verb='' word words
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) verb=$word; break ;; esac
  done
  words=''
  case "$verb" in
    '') words='{" ".join([*VERBS, "--socket", "--json", "--help"])}' ;;
{cases}
  esac
  case "$verb" in
    {"|".join(NAMED)}|signal|health|ready|top) words="$words $({NAMES_COMMAND})" ;;
    check|show) COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}")); return ;;
    completion) words='bash zsh fish' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -F _pyinitctl pyinitctl"""


def _zsh() -> str:
    return "#compdef pyinitctl\nautoload -U +X bashcompinit && bashcompinit\n" + _bash()


def _fish() -> str:
    lines = ["# fish completion for pyinitctl", "complete -c pyinitctl -f"]
    known = " ".join(VERBS)
    for verb, found in VERBS.items():
        unseen = f"not __fish_seen_subcommand_from {known}"
        lines.append(f"complete -c pyinitctl -n '{unseen}' -a {verb} -d {_quoted(found.doc)}")
        for option in (*found.options, *COMMON):
            words = [f"-l {option.key}"]
            words += [f"-s {each[1]}" for each in option.names if not each.startswith("--")]
            lines.append(
                f"complete -c pyinitctl -n '__fish_seen_subcommand_from {verb}' "
                f"{' '.join(words)} -d {_quoted(option.doc)}"
            )
    seen = f"__fish_seen_subcommand_from {' '.join(NAMED)} signal health ready top"
    names = NAMES_COMMAND.replace("\\", "\\\\").replace("'", "\\'")
    lines.append(f"complete -c pyinitctl -n '{seen}' -a '({names})'")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
