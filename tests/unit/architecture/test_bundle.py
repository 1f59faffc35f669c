"""The bundle of the image: pyinit's code in one file, imported from there."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
USING = "import sys; sys.path.insert(0, {place!r}); import pyinit.bundle as b; b.use(); "


@pytest.fixture(scope="module")
def assembler():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")  # as for whoever runs it
        return importlib.import_module("assemble")


@pytest.fixture
def library(assembler, tmp_path):
    """Return a directory with pyinit as the image holds it."""
    ours = assembler.own_modules(ROOT, ["web"])
    assembler.install_own(tmp_path, "/lib", ours)
    return tmp_path / "lib"


def run(library, text):
    text = USING.format(place=str(library)) + text
    command = [sys.executable, "-I", "-S", "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_module_comes_from_the_bundle_once_it_is_used(library):
    assert not (library / "pyinit" / "core").exists()  # the bundle alone has it
    text = "import pyinit.core.supervisor as s; print(s.__name__, type(s.__loader__).__name__)"
    assert run(library, text) == (0, "pyinit.core.supervisor Bundle\n")


def test_the_package_of_the_image_uses_it_by_itself(library):
    text = f"import sys; sys.path.insert(0, {str(library)!r}); import pyinit.core.plan as p; "
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text + "print(p.KEEP)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "-2\n"), done.stderr


@pytest.mark.parametrize("data", [None, b"\x10\0\0\0no"], ids=["missing", "broken"])
def test_without_a_good_bundle_the_ordinary_files_do(tmp_path, data):
    shutil.copytree(ROOT / "pyinit", tmp_path / "pyinit")
    if data is not None:
        (tmp_path / "pyinit" / "modules.bundle").write_bytes(data)
    assert run(tmp_path, "import pyinit.core.plan as p; print(p.KEEP)") == (0, "-2\n")


def test_what_is_not_in_it_is_looked_for_as_ever(library):
    assert run(library, "import fractions, pyinit; print(pyinit.__name__)") == (0, "pyinit\n")
    code, said = run(library, "import pyinit.core.nothing")
    assert code == 1
    assert "No module named 'pyinit.core.nothing'" in said


def test_a_bundle_that_was_replaced_meanwhile_is_refused(library):
    bundle = library / "pyinit" / "modules.bundle"
    (library / "new").write_bytes(bundle.read_bytes())
    text = f"import posix; posix.rename({str(library / 'new')!r}, {str(bundle)!r}); "
    code, said = run(library, text + "import pyinit.core.plan")
    assert code == 1
    assert "it is another file now" in said


def test_what_the_start_needs_is_imported_in_one_go_and_like_any_other_import(library):
    text = (
        "import pyinit.runtime.boot; before = len(sys.modules); "
        "b.together('pyinit.runtime.machine'); made = len(sys.modules) - before; "
        "m = sys.modules['pyinit.runtime.machine']; "
        "import pyinit.runtime.machine as same, pyinit.runtime.verbs as later; "
        "print(made > 30, same is m, m.__package__, m.__spec__.name, later.__name__)"
    )
    said = "True True pyinit.runtime pyinit.runtime.machine pyinit.runtime.verbs\n"
    assert run(library, text) == (0, said)


def test_the_compiler_is_imported_in_one_go_too_and_without_the_slow_parts(library):
    text = (
        "import pyinit.runtime.boot; b.together('pyinit.config.compile'); "
        "names = ('pyinit.config.build', 'pyinit.config.toml', 'tomli', 're', 'typing', 'glob'); "
        "print(*[name in sys.modules for name in names])"
    )
    assert run(library, text) == (0, "True True False False False False\n")


def test_asking_for_what_is_not_together_does_nothing(library):
    text = "b.together('pyinit.runtime.nothing'); print('pyinit.core' in sys.modules)"
    assert run(library, text) == (0, "False\n")


def test_what_no_start_needs_is_imported_after_it_and_uncompressed(assembler):
    ours = assembler.own_modules(ROOT, ["web"])
    for_start = assembler.imported(ours, *assembler.TOGETHER["pyinit.runtime.machine"])
    after = assembler.imported(ours, *assembler.TOGETHER[assembler.LATER])
    assert set(after).isdisjoint(for_start)
    assert {"pyinit.core.roll", "pyinit.core.trial", "pyinit.runtime.reexec"} <= set(after)


def test_a_module_of_later_needs_no_decompression_if_it_is_wanted_at_once(library):
    start = "import sys, pyinit.runtime.boot; b.together('pyinit.runtime.machine'); "
    text = "import pyinit.core.roll, pyinit.runtime.reexec; print('zlib' in sys.modules)"
    assert run(library, start + text) == (0, "False\n")
