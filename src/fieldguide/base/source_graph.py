"""What imports what inside src/fieldguide, from the source text alone: which code a stage runs through.

Templates of pages are part of that: what a module renders, and what its template names.
"""

import ast
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, its syntax tree, and the modules that it imports or starts, wherever it does.

    `at_start` are those of the imports that run when it is imported itself. `texts` are its strings, without what
    documents it; `starts` are the modules of fieldguide that these name, to be run as processes or imported by name,
    `templates` the templates, as `fieldguide.pages.render.render` takes them; `own` the imports of fieldguide, sorted.
    """

    name: str
    path: Path
    tree: ast.Module
    imports: frozenset[str]
    at_start: frozenset[str]
    texts: tuple[str, ...]
    starts: frozenset[str]
    templates: frozenset[str]
    own: tuple[str, ...]


def _dotted(path: Path, source: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules(source: Path = SOURCE) -> dict[str, Module]:
    """All modules of fieldguide by their dotted names; `from package import module` is an import of the module.

    A folder of operations (its package calls `import_modules`) is imported as a whole: the package imports all of its
    modules, and whoever imports one of them from outside imports the package.
    """
    paths = {_dotted(path, source): path for path in sorted(source.glob("fieldguide/**/*.py"))}
    pages = templates(source).keys()
    parsed = {name: _parsed(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    wholes = {name for name, one in parsed.items() if one.imports_its_folder}

    def imported(name: str, nodes: Iterable[ast.AST]) -> frozenset[str]:
        found = {other for other in paths if other.rpartition(".")[0] == name} if name in wholes else set()
        for node in nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = _imported_from(name, paths[name], node)
                submodules = {f"{base}.{alias.name}" for alias in node.names} & paths.keys()
                found |= submodules
                if len(submodules) < len(node.names):
                    found.add(base)
        outside = wholes - {name, name.rpartition(".")[0]}
        return frozenset(found | {other.rpartition(".")[0] for other in found} & outside)

    found: dict[str, Module] = {}
    for name, one in parsed.items():
        imports = imported(name, one.imports)
        found[name] = Module(
            name,
            paths[name],
            one.tree,
            imports,
            imported(name, one.tree.body),
            one.texts,
            frozenset(_started(one.texts, paths.keys())),
            frozenset(_templates_in(" ".join(one.texts), pages)),
            tuple(sorted(imports & paths.keys())),
        )
    return found


@dataclass(frozen=True)
class _Parsed:
    """What the text of a module says by itself."""

    tree: ast.Module
    imports: tuple[ast.AST, ...]  # all import statements, wherever they stand
    imports_its_folder: bool
    texts: tuple[str, ...]


@cache
def _parsed(text: str) -> _Parsed:
    """Most of the work, and of a text that has not changed it is done once."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    imports = tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
    return _Parsed(tree, imports, any(map(_imports_its_folder, nodes)), _texts(nodes))


def _imports_its_folder(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "import_modules"


def _texts(nodes: Collection[ast.AST]) -> tuple[str, ...]:
    documentation = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return tuple(
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    )


def _started(texts: Collection[str], known: Collection[str]) -> set[str]:
    """The modules that strings of the source name (`python -m fieldguide.X`, `import_module("fieldguide.X")`).

    A name that ends in a placeholder stands for its package: `f"fieldguide.stages.{stage}"`.
    """
    named = {found.rstrip(".") for text in texts for found in re.findall(r"\bfieldguide(?:\.[a-z_]+)+\.?", text)}
    return {name for name in named if name in known}


def _imported_from(importer: str, path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _templates_in(text: str, known: Collection[str]) -> set[str]:
    """The templates that a text names: `evaluation/page.html` is evaluation/templates/page.html."""
    return set(re.findall(r"\b[a-z]+/[a-z_]+\.(?:html|css|md)\b", text)) & set(known)


@cache
def templates(source: Path = SOURCE) -> dict[str, Path]:
    """The files of all templates by the names that `fieldguide.pages.render.render` takes."""
    files = sorted((source / "fieldguide").glob("*/templates/*"))
    return {f"{path.parents[1].name}/{path.name}": path for path in files}


@cache
def templates_named_by(name: str, source: Path = SOURCE) -> frozenset[str]:
    """The other templates that a template extends, includes or imports."""
    found = templates(source)
    return frozenset(_templates_in(found[name].read_text(encoding="utf-8"), found)) - {name}


def rendered_by(module_names: Collection[str], source: Path = SOURCE) -> set[str]:
    """The templates that modules render, by whatever detour."""
    reached: set[str] = set()
    waiting = [template for name in module_names for template in modules(source)[name].templates]
    while waiting:
        template = waiting.pop()
        if template not in reached:
            reached.add(template)
            waiting += templates_named_by(template, source)
    return reached


def room(module: str) -> str:
    """`data` of fieldguide.data.images, "" of fieldguide itself."""
    return module.partition(".")[2].partition(".")[0]


def runs_through(name: str, source: Path = SOURCE) -> set[str]:
    """The module and all that it imports, or starts in its own room, by whatever detour.

    Packages above an imported module are left out: they run too, but hold no code (a test sees to that).
    """

    def reached(module: Module) -> frozenset[str]:
        return module.imports | {one for one in module.starts if room(one) == room(module.name)}

    return _reached(name, reached, source)


def loads(name: str, source: Path = SOURCE) -> set[str]:
    """The module and all that is imported with it, before anything in it is called."""
    return _reached(name, lambda module: module.at_start, source)


def _reached(name: str, imports: Callable[[Module], Collection[str]], source: Path) -> set[str]:
    known = modules(source)
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += [other for other in imports(known[module]) if other in known]
    return reached


def forget() -> None:
    """Have the sources read anew: they may have changed."""
    for function in (modules, templates, templates_named_by, with_code):
        function.cache_clear()


def stage_sources(stage: str, source: Path = SOURCE) -> list[Path]:
    """The source files that a stage runs through, sorted: modules, and templates of the rooms whose pages it makes.

    The room base counts as a whole, since every stage stands on it.
    """
    folder = source / "fieldguide"
    names, code = runs_through(_dotted(folder / "stages" / f"{stage}.py", source), source), with_code(source)
    needed = {path for name in names if (path := modules(source)[name].path) in code}
    base = folder / "base"
    needed |= {path for path in code if base in path.parents}
    rooms = {template.partition("/")[0] for template in rendered_by(names, source)}
    needed |= {path for template, path in templates(source).items() if template.partition("/")[0] in rooms}
    return sorted(needed)


@cache
def with_code(source: Path = SOURCE) -> frozenset[Path]:
    """The source files that run when they are imported or rendered: all but packages that nobody imports by name."""
    known = modules(source)
    named = {imported for module in known.values() for imported in module.own}
    paths = {module.path for name, module in known.items() if module.path.name != "__init__.py" or name in named}
    return frozenset(paths | set(templates(source).values()))
