"""docs/web.md is true: its tables are what the code has, and its pictures are small."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry
from test_page_metrics import TOLD

from pyinit.web.operations import OPERATIONS
from pyinit.web.probes import PATHS
from pyinit.web.problems import STATUS
from pyinit.web.samples import Samples

TOP = Path(__file__).resolve().parents[3]
TEXT = (TOP / "docs" / "web.md").read_text()


def rows(head):
    """Return the cells of the table whose first head is `head`."""
    lines = TEXT.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {head} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_every_metric_is_there_and_no_other():
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Samples(TOLD))
    names = {sample.name for family in registry.collect() for sample in family.samples}
    told = set(re.findall(r"`?(pyinit_\w+)", " ".join(" ".join(row) for row in rows("name"))))
    assert told == names


def test_every_status_and_code_is_one_of_the_api():
    for statuses, codes in rows("status"):
        for code in re.findall(
            r"[a-z]+(?:-[a-z]+)+|busy|stopping|interrupted|timeout", codes.split(":")[0]
        ):
            if code in STATUS:
                assert str(STATUS[code]) in statuses, code
    told = " ".join(" ".join(row) for row in rows("status"))
    for code in ("bad-request", "denied", "no-such-program", "failed", "not-running", "busy"):
        assert code in told


def test_every_probe_is_there():
    assert [path for path, _ in rows("path")] == list(PATHS)


def test_every_address_in_an_example_is_one_of_the_api():
    found = re.findall(r"/api/v1(/[a-z/?=&]+)", TEXT)
    assert len(found) >= 6
    known = [each.path.replace("{name}", "web") for each in OPERATIONS]
    for path in set(found) - {"/openapi"}:
        assert path.partition("?")[0] in known


def test_every_picture_is_small_and_shown():
    pictures = sorted((TOP / "docs" / "screenshots").glob("*.png"))
    assert len(pictures) >= 6
    for path in pictures:
        assert path.stat().st_size < 150_000
    shown = set(re.findall(r"screenshots/([\w-]+\.png)", TEXT))
    assert shown <= {path.name for path in pictures}
