"""Verbs of pyinitctl that need no pyinit running: check, show, doctor, schema, completion."""

from __future__ import annotations

from pyinit.cli.present import say
from pyinit.cli.words import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.cli.ctl import Call

# Each asks pyinitctl itself what may come next; readline takes a colon and an equals sign for
# the end of a word, so what stands before them must not be repeated.
BASH = """\
# bash completion for pyinitctl: source it, or put it into /etc/bash_completion.d
_pyinitctl() {
  local line=${COMP_LINE:0:COMP_POINT} current
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current=${words[${#words[@]}-1]}
  mapfile -t COMPREPLY < <("$1" completion words -- "${words[@]:1}" 2>/dev/null)
  if [[ $current == *[:=]* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${current%"${current##*[:=]}"}"}")
  fi
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[/=] ]]; then compopt -o nospace; fi
}
complete -F _pyinitctl pyinitctl"""
ZSH = """\
#compdef pyinitctl
# zsh completion for pyinitctl: put it into a directory of $fpath as _pyinitctl, or source it
_pyinitctl() {
  local -a typed found open
  typed=("${(@)words[2,CURRENT-1]}" "$PREFIX")
  found=(${(f)"$(${words[1]} completion words -- "${(@)typed}" 2>/dev/null)"})
  open=(${(M)found:#*[/=]})
  found=(${found:#*[/=]})
  (( $#open )) && compadd -Q -S '' -- $open
  (( $#found )) && compadd -- $found
}
if [[ ${funcstack[1]} == _pyinitctl ]]; then
  _pyinitctl "$@"
else
  compdef _pyinitctl pyinitctl
fi"""
FISH = """\
# fish completion for pyinitctl: put it into ~/.config/fish/completions/pyinitctl.fish
function __pyinitctl_words
  set -l typed (commandline -opc)
  set -e typed[1]
  pyinitctl completion words -- $typed (commandline -ct) 2>/dev/null
end
complete -c pyinitctl -f -a '(__pyinitctl_words)'"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def check(call: Call) -> int:
    """Check the configuration that the files make together."""
    from pyinit.cli.check import run_check

    return run_check(call.names, as_json=call.json, strict=call.words.has("strict"))


def show(call: Call) -> int:
    """Print the effective configuration."""
    from pyinit.cli.show import run_show

    file, *name = call.names
    return run_show([file], name[0] if name else None, as_json=call.json)


def convert(call: Call) -> int:
    """Print another supervisor's files as pyinit.toml."""
    from pyinit.cli.convert import FORMATS, run_convert

    form, *files = call.names
    if form not in FORMATS:
        raise UsageError(f"cannot convert '{form}'\n  known: {', '.join(FORMATS)}")
    return run_convert(files, as_json=call.json)


def doctor(call: Call) -> int:
    """Tell what pyinit can and cannot do here."""
    from pyinit.cli.doctor import run

    return run(call)


def schema(_call: Call) -> int:
    """Print the JSON Schema."""
    from pyinit.cli.schema import run_schema

    return run_schema()


def completion(call: Call) -> int:
    """Print a script that a shell reads to complete pyinitctl's words, or what they ask for."""
    name, *words = call.names
    if name == "words":
        from pyinit.cli.complete import complete

        for word in complete(words):
            say(word)
        return 0
    if name not in SCRIPTS or words:
        raise UsageError(f"no completion for '{' '.join(call.names)}'\n  known: bash, zsh, fish")
    say(SCRIPTS[name])
    return 0
