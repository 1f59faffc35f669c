"""One file that holds the code of many modules, for an image where every millisecond counts.

Finding a module on the path costs half a dozen syscalls and a tenth of a millisecond; pyinit has
some seventy before its first program runs.  `scripts/assemble.py` writes their code into one
file and lets the package call `use` before anything else of pyinit is imported.

The file is, in this order: the length of the index in 4 bytes, the index (a marshalled dict:
name -> (is a package, where its code begins, how long it is, is it compressed)), and the code
objects, marshalled.  It is opened anew for every module: no descriptor is kept, nothing of it
stays in memory.  What a start does not import is compressed by zlib.

Importing fifty modules one by one is still slow.  Where the index has `+NAME`, there stands a
list of (name, is a package, code): the module NAME and all that importing it imports, in the order
in which they are ready.  `together` makes them all at once, in half of the time.
"""

import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader as Base
    from types import CodeType, ModuleType
else:
    Base = object

FILE = "modules.bundle"
HEAD_BYTES = 4


class Bundle(Base):
    """Finds and loads the modules of one bundle: what `sys.meta_path` wants."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        size = int.from_bytes(self._read(0, HEAD_BYTES), "little")
        self._start = HEAD_BYTES + size
        self._index: dict[str, tuple[bool, int, int, bool]] = marshal.loads(  # noqa: S302
            self._read(HEAD_BYTES, size)
        )

    def find_spec(
        self, name: str, _path: "Sequence[str] | None" = None, _target: "ModuleType | None" = None
    ) -> ModuleSpec | None:
        """Say where a module is: here, or None."""
        entry = self._index.get(name)
        return None if entry is None else ModuleSpec(name, self, is_package=entry[0])

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave it to Python to make the module."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run the module's code."""
        exec(self.code(module.__name__), module.__dict__)  # noqa: S102  it is what importing is

    def code(self, name: str) -> "CodeType":
        """Return the code of a module.  Raises KeyError, OSError."""
        _, at, size, is_compressed = self._index[name]
        data = self._read(self._start + at, size)
        if is_compressed:
            import zlib

            data = zlib.decompress(data)
        found: CodeType = marshal.loads(data)  # noqa: S302
        return found

    def together(self, name: str) -> None:
        """Make the modules of the list `+name`, as importing each of them would."""
        _, at, size, _ = self._index["+" + name]
        rows: list[tuple[str, bool, CodeType]]
        rows = marshal.loads(self._read(self._start + at, size))  # noqa: S302
        rows.reverse()
        while rows:  # what a module needed once goes at once, and makes room for the next
            full, is_package, code = rows.pop()
            if full not in sys.modules:
                self._make(ModuleSpec(full, self, is_package=is_package), code)

    def _make(self, spec: ModuleSpec, code: "CodeType") -> None:
        parent, _, last = spec.name.rpartition(".")
        module = type(sys)(spec.name)
        module.__spec__, module.__loader__ = spec, self
        module.__package__ = parent
        if spec.submodule_search_locations is not None:
            module.__package__ = spec.name
            module.__path__ = spec.submodule_search_locations
        sys.modules[spec.name] = module
        try:
            exec(code, module.__dict__)  # noqa: S102
        except BaseException:
            del sys.modules[spec.name]
            raise
        setattr(sys.modules[parent], last, module)

    def _read(self, at: int, size: int) -> bytes:
        fd = posix.open(self._path, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            found = posix.fstat(fd)
            identity = (found.st_ino, found.st_mtime_ns)
            if self._identity not in (None, identity):
                raise ImportError(f"cannot import from {self._path}: it is another file now")
            self._identity = identity
            return posix.pread(fd, size, at)
        finally:
            posix.close(fd)


def use() -> None:
    """Import pyinit's modules from the bundle beside this file from now on, if there is one."""
    path = f"{__file__.rpartition('/')[0]}/{FILE}"
    try:
        sys.meta_path.insert(0, Bundle(path))
    except (OSError, ValueError, EOFError):
        return


def together(name: str) -> None:
    """Import the module `name` with all that it imports, where a bundle in use has them together.

    Whatever goes wrong is left to the import that follows.
    """
    for finder in sys.meta_path:
        if isinstance(finder, Bundle):
            try:
                finder.together(name)
            except Exception:  # noqa: BLE001
                return
