"""The night run: it goes on after what it finds, and its list says so."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
from glob import glob
from pathlib import Path

import pytest
from eventually import eventually

TOP = Path(__file__).resolve().parents[3]
SOAK = TOP / "scripts/soak.py"


@pytest.fixture
def soak(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("night_run", SOAK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOGS", TOP / "var" / f"soak-{os.getpid()}")
    yield module
    for log in module.LOGS.glob("*"):
        log.unlink()
    if module.LOGS.exists():
        module.LOGS.rmdir()


def test_a_part_that_finds_something_keeps_no_other_from_its_turn(soak, monkeypatch, capfd):
    parts = {
        "bad": ("one that finds", ("sh", "-c", "echo found it; echo in full >&2; exit 3")),
        "none": ("one that is not there", ("/nowhere/part",)),
        "good": ("one that does not", ("sh", "-c", "echo; echo nothing found; echo")),
    }
    monkeypatch.setattr(soak, "PARTS", parts)
    assert soak.main([]) == 1
    out, _ = capfd.readouterr()
    end = out.partition("== soak\n")[2]
    assert re.search(r"^bad +FAILED \(3\) .* in full$", end, re.MULTILINE)
    assert re.search(r"^none +FAILED \(127\) .* No such file or directory$", end, re.MULTILINE)
    assert re.search(r"^good +ok .* nothing found$", end, re.MULTILINE)
    assert (soak.LOGS / "bad.log").read_text() == "found it\nin full\n"
    assert soak.main(["good"]) == 0
    assert "bad" not in capfd.readouterr().out


def test_a_part_that_is_not_there_is_named(soak, capsys):
    with pytest.raises(SystemExit) as ended:
        soak.main(["kernle"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "'kernle'" in said
    assert "kernel" in said.replace("kernle", "")


def test_what_a_part_runs_is_there(soak):
    for name, (_, command) in soak.PARTS.items():
        files = re.findall(r"[\w./*]+\.(?:py|sh)\b", " ".join(command))
        modules = [command[2].replace(".", "/") + ".py"] if command[1] == "-m" else []
        assert files or modules, name
        for each in files + modules:
            assert glob(str(TOP / each)), f"{name}: {each}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_all_that_a_part_has_started_ends_with_an_interrupted_run(tmp_path, number):
    mark, part = f"{tmp_path}/up", f"night-test-{number}"
    code = (
        f"import sys; sys.path.insert(0, {str(SOAK.parent)!r}); import soak, pathlib\n"
        f"soak.LOGS = pathlib.Path({str(TOP)!r}, 'var')\n"
        f"soak.PARTS = {{{part!r}: ('it', ('sh', '-c', 'sleep 600 & echo $! > {mark}; wait'))}}\n"
        "sys.exit(soak.main([]))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as run:
        inner = int(eventually(lambda: Path(mark).exists() and Path(mark).read_text(), 60))
        run.send_signal(number)
        assert run.wait(20) == 130
    eventually(lambda: not is_alive(inner), 60)
    (TOP / f"var/{part}.log").unlink()


def test_what_a_part_leaves_behind_ends_with_it(soak, monkeypatch, tmp_path):
    words = ("sh", "-c", f"sleep 600 & echo $! > {tmp_path}/left")
    monkeypatch.setattr(soak, "PARTS", {"leaves": ("it", words)})
    assert soak.main([]) == 0
    eventually(lambda: not is_alive(int(Path(tmp_path, "left").read_text())), 60)


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state != "Z"
