"""Configurations for tests: a text becomes a plan, or the faults that are found in it."""

import os
import textwrap

from pyinit.config.load import load
from pyinit.config.problems import ConfigErrors

ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/root", "NAME": "value", "EMPTY": "", "COUNT": "3"}


def written(directory, text, name="pyinit.toml"):
    """Write a file and return its path."""
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(textwrap.dedent(text))
    return path


def plan_of(directory, text, environ=ENVIRON):
    """Return the plan of a text."""
    return load([written(directory, text)], environ)


def program_of(directory, lines, environ=ENVIRON, before=""):
    """Return the plan of the one process of a program that has these lines."""
    text = f'{before}\n[program.web]\ncommand = ["/bin/web"]\n{textwrap.dedent(lines)}\n'
    (process,) = plan_of(directory, text, environ).processes
    return process


def faults_of(*paths, environ=ENVIRON):
    """Return what is wrong with files: (name of the file, line, message, fix)."""
    try:
        plan = load(list(paths), environ)
    except ConfigErrors as errors:
        return [
            (os.path.basename(each.file), each.line, each.message, each.fix)
            for each in errors.errors
        ]
    raise AssertionError(f"there is no fault: {plan}")


def faults_in(directory, text, environ=ENVIRON):
    """Return what is wrong with a text: (line, message, fix)."""
    return [fault[1:] for fault in faults_of(written(directory, text), environ=environ)]


def fault_in(directory, text, environ=ENVIRON):
    """Return the one thing that is wrong with a text: (line, message, fix)."""
    found = faults_in(directory, text, environ)
    assert len(found) == 1, found
    return found[0]


def program_fault(directory, lines, environ=ENVIRON):
    """Return what is wrong with a program that has these lines: (line among them, text, fix)."""
    text = f'[program.web]\ncommand = ["/bin/web"]\n{textwrap.dedent(lines)}\n'
    line, message, fix = fault_in(directory, text, environ)
    return line - 2, message, fix
