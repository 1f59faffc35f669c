"""The pages that need no engine are true: their commands are run, and say what the pages say.

Each page has a machine of its own: PIDs, loopback and /run are nobody else's.
"""

import os
import sys
from pathlib import Path

import pytest
from boxed import IS_ROOT, ROOT, namespace_words, needs_root

sys.path.insert(0, str(ROOT / "tests"))
import following
from following import Reader, Way, checkout

PAGES = [page for page, by in following.FOLLOWED.items() if by == following.HOST]
MADE = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"'


@needs_root
@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_happens(page, tmp_path):
    words = namespace_words(IS_ROOT)
    around = [words[0], "--net", "--mount", *words[1:], "sh", "-c", MADE, "sh"]
    here = checkout(tmp_path)
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with Reader(here, Way(instead=following.INSTEAD), around, env) as reader:
        reader.follow(page)
