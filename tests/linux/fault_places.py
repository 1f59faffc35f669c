"""Every function of PID 1 by its name, taken from the code, and the code with a call in each.

A name is "runtime.loop:Loop.turn"; a function within one is "...:Outer.<locals>.inner", and every
lambda "...<locals>.<lambda>".
"""

import ast
import hashlib
import importlib.util
import marshal
import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

LAYERS = ("core", "protocol", "logs", "system", "runtime")
CALL = "_entered_"  # what is called with the name of each function: a builtin


class Placing(ast.NodeTransformer):
    """Puts a call at the head of every function; `names` are theirs."""

    def __init__(self, module):
        self.names = []
        self._module = module
        self._path = []

    def visit_If(self, node):
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.orelse = [self.visit(each) for each in node.orelse]
            return node  # what stands there is never run
        return self.generic_visit(node)

    def visit_ClassDef(self, node):
        self._path.append(node.name)
        self.generic_visit(node)
        self._path.pop()
        return node

    def visit_FunctionDef(self, node):
        name = self._enter(node, node.name)
        at = int(ast.get_docstring(node, clean=False) is not None)
        node.body.insert(at, ast.copy_location(ast.Expr(self._call(name, node.body[0])), node))
        return node

    def visit_Lambda(self, node):
        name = self._enter(node, "<lambda>")
        node.body = ast.copy_location(
            ast.BoolOp(ast.Or(), [self._call(name, node), node.body]), node
        )
        return node

    def _enter(self, node, own):
        name = f"{self._module}:{'.'.join([*self._path, own])}"
        self.names.append(name)
        self._path += [own, "<locals>"]
        self.generic_visit(node)
        del self._path[-2:]
        return name

    def _call(self, name, node):
        called = ast.Name(CALL, ast.Load())
        made = ast.Call(called, [ast.Constant(name)], [])
        return ast.copy_location(made, node)


def placed(source, module):
    """Return (names, tree) of the text of a module."""
    placing = Placing(module)
    tree = ast.fix_missing_locations(placing.visit(ast.parse(source)))
    return placing.names, tree


def places(root, layers=LAYERS):
    """Return the name of every function of some layers, in order, each once."""
    found = {}
    for layer in layers:
        for path in sorted((Path(root) / "pyinit" / layer).glob("*.py")):
            names, _ = placed(path.read_text(), f"{layer}.{path.stem}")
            found.update(dict.fromkeys(names))
    return [*found]


class Loader(SourceFileLoader):
    """Imports a module with the calls in it; what that comes to is kept in a directory."""

    def get_code(self, fullname):
        source = Path(self.path).read_bytes()
        kept = os.environ.get("PYINIT_FAULTS_CODE", "")
        tag = hashlib.sha256(source + Path(__file__).read_bytes()).hexdigest()[:32]
        place = Path(kept) / f"{fullname}.{tag}.{sys.implementation.cache_tag}"
        try:
            return marshal.loads(place.read_bytes())
        except (OSError, EOFError):
            pass
        _, tree = placed(source.decode(), fullname.removeprefix("pyinit."))
        code = compile(tree, self.path, "exec", dont_inherit=True)
        if kept:
            new = Path(f"{place}.{os.getpid()}")
            new.write_bytes(marshal.dumps(code))
            new.rename(place)
        return code


class Finder:
    """Finds the modules of PID 1's layers; what others there are is for others to find."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(tuple(f"pyinit.{layer}." for layer in LAYERS)):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not spec.origin.endswith(".py"):
            return spec
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=Loader(name, spec.origin)
        )
