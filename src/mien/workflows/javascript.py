"""Several JavaScript modules joined into one, for a page that is a single file.

This reads lines and knows no JavaScript, so modules keep to what it understands: imports of names from files beside
them, one a line; `export` in front of declarations; at the start of a line one declaration, whose name no other module
has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_IMPORT = re.compile(r"""import \{ ([\w$]+(?:, [\w$]+)*) \} from ["'](\.{1,2}/[\w./-]+\.mjs)["'];""")
_DECLARATION = re.compile(r"(export )?(?:(?:async )?function\*?|class|const|let|var) ([\w$]+)")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_FORBIDDEN = {
    r"^(?:export )?(?:const|let|var) *[\[{]": "one name for each declaration, no destructuring",
    r"^export (?!(?:async )?function|class|const|let)": "'export' stands only before function, class, const or let",
    r"\bimport *\( *[\"'`]": "a file can't be imported while the page runs",
    r"\bimport\.meta\b": "one file has no 'import.meta'",
    r"(?i)</script|<!--": "this would end the script element",
}
"""What joined modules can't have, wherever it stands, and why."""

_EXPORTS = re.compile(r"\bexport *\{([^{}]*)\};?")

_AWAIT = re.compile(r"^(?!.*\basync\b)(?:[^\s/].*[^\w$.])?await\b")  # not indented, in no one-line function


@dataclass
class _Module:
    """A module as it is read: the names that it declares and exports, what it imports, and its text for the join."""

    text: str
    declared: dict[str, int] = field(default_factory=dict)  # name: line
    exported: set[str] = field(default_factory=set)
    imported: list[tuple[int, tuple[str, ...], Path]] = field(default_factory=list)  # line, names, file


def join(entry: Path, *, classic: bool = False) -> str:
    """Return one module that does what the module `entry` does: all that it imports, in the order of the imports.

    Args:
        entry: the module that imports the others.
        classic: make a script that is no module: a page from a disk can't start a worker from a module.

    Raises:
        ValueError: a module breaks a rule, imports what isn't there, or imports itself in a circle; names the line.
    """
    modules: dict[Path, _Module] = {}
    for path in _in_order(entry.resolve(), modules, may_wait=not classic):
        _check_imports(path, modules)
    owners: dict[str, Path] = {}
    for path, module in modules.items():
        for name, line in module.declared.items():
            if name in owners:
                raise ValueError(f"{path}, line {line}: '{name}' is a name in {owners[name].name}, too")
            owners[name] = path
    texts = ['"use strict";\n'] if classic else []  # as in every module
    for path, module in modules.items():
        texts.append(f"// {path.parent.name}/{path.name}\n{module.text}")
    return "\n".join(texts)


def script_of(module: str, name: str) -> str:
    """Return a classic script that does what a module does; what that exports becomes a global variable.

    Args:
        module: it imports nothing, and lists once what it exports.
        name: the variable.

    Raises:
        ValueError: the module has no such list, or several.
    """
    found = _EXPORTS.findall(module)
    if len(found) != 1:
        raise ValueError(f"the module for {name}: expected one list 'export {{…}}', found {len(found)}")
    members = []
    for member in found[0].split(","):
        own, _, exported = member.strip().partition(" as ")
        members.append(f"{exported or own}: {own}")
    before, _, after = _EXPORTS.split(module)
    body = f"{before}return {{ {', '.join(members)} }};{after}"
    address = "location.href"  # a module knows its own address, a script that of the page or the worker
    return f'globalThis.{name} = (() => {{ "use strict";\n{body.replace("import.meta.url", address)}\n}})();\n'


def _in_order(
    path: Path, modules: dict[Path, _Module], *, may_wait: bool = False, above: tuple[Path, ...] = ()
) -> Iterator[Path]:
    """Read a module and all that it imports into `modules`, each after those that it needs; gives their paths."""
    if path in above:
        raise ValueError(f"{path}: imports itself in a circle, through {above[-1].name}")
    if path in modules:
        return
    module = _read(path, may_wait=may_wait)
    for line, _, needed in module.imported:
        if not needed.is_file():
            raise ValueError(f"{path}, line {line}: no file {needed}")
        yield from _in_order(needed, modules, above=(*above, path))
    modules[path] = module
    yield path


def _read(path: Path, *, may_wait: bool) -> _Module:
    """Read a module and check each line."""
    text = path.read_text(encoding="utf-8")
    _refuse_forbidden(path, text, may_wait=may_wait)
    module = _Module("")
    kept = []
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"import\b(?! *\()", line):
            found = _IMPORT.fullmatch(line.rstrip())
            if found is None:
                raise ValueError(f"{path}, line {number}: expected import {{ a, b }} from './file.mjs'; in one line")
            module.imported.append((number, tuple(found[1].split(", ")), (path.parent / found[2]).resolve()))
            continue
        declared = _DECLARATION.match(line)
        if declared is not None:
            module.declared[declared[2]] = number
            if declared[1]:
                module.exported.add(declared[2])
        kept.append(line.removeprefix("export "))
    module.text = "\n".join(kept) + "\n"
    return module


def _refuse_forbidden(path: Path, text: str, *, may_wait: bool) -> None:
    def blank(comment: re.Match[str]) -> str:
        return "\n" * comment[0].count("\n")

    for number, line in enumerate(_COMMENT.sub(blank, text).splitlines(), 1):
        for pattern, why in _FORBIDDEN.items():
            if re.search(pattern, line):
                raise ValueError(f"{path}, line {number}: {why}")
        if not may_wait and _AWAIT.match(line):
            raise ValueError(f"{path}, line {number}: only the first module of the page may wait outside a function")


def _check_imports(path: Path, modules: dict[Path, _Module]) -> None:
    for line, names, needed in modules[path].imported:
        for name in names:
            if name not in modules[needed].exported:
                raise ValueError(f"{path}, line {line}: {needed.name} exports no '{name}'")
