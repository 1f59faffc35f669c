#!/usr/bin/env python3
"""Write the generated pages of docs/ and man/ again, or with --check say which are stale."""

from __future__ import annotations

import difflib
import subprocess
import sys
from pathlib import Path

import manpages

TOP = Path(__file__).resolve().parent.parent
PAGES = {
    "docs/states.md": ("-m", "pyinit.core.diagram"),
    "docs/configuration.md": ("-m", "pyinit.config.manual"),
    "docs/reference.md": ("scripts/reference.py",),
    "docs/pyinit.schema.json": ("-m", "pyinit.config.json_schema"),
    **{
        f"man/{manpages.place(name)}": ("scripts/manpages.py", name)
        for name in (*manpages.PAGES, *manpages.LINKS)
    },
}
"""Each page, and the words behind `python` that print it."""


def main() -> int:
    """Do it; return the exit status."""
    check = sys.argv[1:] == ["--check"]
    stale = [page for page, words in PAGES.items() if is_stale(TOP / page, words, check=check)]
    if check and stale:
        sys.stderr.write("docs: run `make docs` and commit what it writes\n")
        return 1
    return 0


def is_stale(page: Path, words: tuple[str, ...], *, check: bool) -> bool:
    """Return whether a page was not what `words` print; unless checking, write it."""
    command = [sys.executable, *words]
    new = subprocess.run(command, check=True, capture_output=True, text=True, cwd=TOP).stdout
    old = page.read_text("utf-8") if page.exists() else ""
    if new == old:
        return False
    name = str(page.relative_to(TOP))
    if check:
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), name, words[-1], lineterm=""
        )
        sys.stderr.write("\n".join(list(lines)[:40]) + "\n")
    else:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(new, "utf-8")
        sys.stderr.write(f"docs: wrote {name}\n")
    return True


if __name__ == "__main__":
    sys.exit(main())
