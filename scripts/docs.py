#!/usr/bin/env python3
"""Write the generated pages of docs/ again, or with --check say which are not up to date."""

from __future__ import annotations

import difflib
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PAGES = {
    "docs/states.md": "pyinit.core.diagram",
    "docs/configuration.md": "pyinit.config.manual",
    "docs/pyinit.schema.json": "pyinit.config.json_schema",
}
"""Each page, and the module that prints it."""


def main() -> int:
    """Do it; return the exit status."""
    check = sys.argv[1:] == ["--check"]
    stale = [page for page, module in PAGES.items() if is_stale(TOP / page, module, check=check)]
    if check and stale:
        sys.stderr.write("docs: run `make docs` and commit what it writes\n")
        return 1
    return 0


def is_stale(page: Path, module: str, *, check: bool) -> bool:
    """Return whether a page was not what its module prints; unless checking, write it."""
    command = [sys.executable, "-m", module]
    new = subprocess.run(command, check=True, capture_output=True, text=True, cwd=TOP).stdout
    old = page.read_text("utf-8") if page.exists() else ""
    if new == old:
        return False
    name = str(page.relative_to(TOP))
    if check:
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, module, lineterm="")
        sys.stderr.write("\n".join(list(lines)[:40]) + "\n")
    else:
        page.write_text(new, "utf-8")
        sys.stderr.write(f"docs: wrote {name}\n")
    return True


if __name__ == "__main__":
    sys.exit(main())
