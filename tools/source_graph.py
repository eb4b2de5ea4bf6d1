"""What imports what inside src/fieldguide, and what functions read of the configuration, from the source text alone.

Templates of pages are part of that: what a module renders, and what its template names.
"""

import ast
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
BASE = SOURCE / "fieldguide" / "base"


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, its syntax tree, and the modules that it imports or starts, wherever it does.

    `at_start` are those of the imports that run when it is imported itself. `texts` are its strings, without what
    documents it; `starts` are the modules of fieldguide that these name, to be run as processes or imported by name,
    `templates` the templates, as `fieldguide.pages.render.render` takes them.
    """

    name: str
    path: Path
    tree: ast.Module
    imports: frozenset[str]
    at_start: frozenset[str]
    texts: tuple[str, ...]
    starts: frozenset[str]
    templates: frozenset[str]

    @property
    def own(self) -> list[str]:
        """The imported modules of fieldguide, sorted."""
        return sorted(name for name in self.imports if name in modules())


def _dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Module]:
    """All modules of fieldguide by their dotted names; `from package import module` is an import of the module.

    A folder of operations (its package calls `import_modules`) is imported as a whole: the package imports all of its
    modules, and whoever imports one of them from outside imports the package.
    """
    paths = {_dotted(path): path for path in sorted(SOURCE.glob("fieldguide/**/*.py"))}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    wholes = {name for name, tree in trees.items() if any(_imports_its_folder(node) for node in ast.walk(tree))}

    def imported(name: str, nodes: Iterable[ast.AST]) -> frozenset[str]:
        found = {other for other in paths if name in wholes and other.rpartition(".")[0] == name}
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
    for name, tree in trees.items():
        texts = _texts(tree)
        found[name] = Module(
            name,
            paths[name],
            tree,
            imported(name, ast.walk(tree)),
            imported(name, tree.body),
            texts,
            frozenset(_started(texts, paths.keys())),
            frozenset(_templates_in(" ".join(texts))),
        )
    return found


def _imports_its_folder(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "import_modules"


def _texts(tree: ast.Module) -> tuple[str, ...]:
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return tuple(
        node.value
        for node in ast.walk(tree)
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


def _templates_in(text: str) -> set[str]:
    """The templates that a text names: `evaluation/page.html` is evaluation/templates/page.html."""
    return set(re.findall(r"\b[a-z]+/[a-z_]+\.(?:html|css)\b", text)) & templates().keys()


@cache
def templates() -> dict[str, Path]:
    """The files of all templates by the names that `fieldguide.pages.render.render` takes."""
    files = sorted((SOURCE / "fieldguide").glob("*/templates/*"))
    return {f"{path.parents[1].name}/{path.name}": path for path in files}


@cache
def templates_named_by(name: str) -> frozenset[str]:
    """The other templates that a template extends, includes or imports."""
    return frozenset(_templates_in(templates()[name].read_text(encoding="utf-8"))) - {name}


def rendered_by(module_names: Collection[str]) -> set[str]:
    """The templates that modules render, by whatever detour."""
    reached: set[str] = set()
    waiting = [template for name in module_names for template in modules()[name].templates]
    while waiting:
        template = waiting.pop()
        if template not in reached:
            reached.add(template)
            waiting += templates_named_by(template)
    return reached


def room(module: str) -> str:
    """`data` of fieldguide.data.images, "" of fieldguide itself."""
    return module.partition(".")[2].partition(".")[0]


def runs_through(name: str) -> set[str]:
    """The module and all that it imports, or starts in its own room, by whatever detour.

    Packages above an imported module are left out: they run too, but hold no code (a test sees to that).
    """
    return _reached(
        name, lambda module: module.imports | {one for one in module.starts if room(one) == room(module.name)}
    )


def loads(name: str) -> set[str]:
    """The module and all that is imported with it, before anything in it is called."""
    return _reached(name, lambda module: module.at_start)


def _reached(name: str, imports: Callable[[Module], Collection[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += [other for other in imports(modules()[module]) if other in modules()]
    return reached


def source_deps(stage: str) -> list[str]:
    """The `deps` below src/ of a stage in dvc.yaml: the sources that it runs through, sorted.

    A folder stands for its modules where the stage runs through all that hold code: DVC reads few entries faster. The
    room base counts as a whole, since every stage stands on it, and so do the templates of a room.
    """
    names = runs_through(f"fieldguide.stages.{stage}")
    needed = {modules()[name].path for name in names if name != "fieldguide"}
    needed |= {path for path in with_code() if path.is_relative_to(BASE)}
    rooms = {template.partition("/")[0] for template in rendered_by(names)}
    needed |= {path for template, path in templates().items() if template.partition("/")[0] in rooms}
    return sorted(path.relative_to(ROOT).as_posix() for path in _covering(SOURCE / "fieldguide", needed))


def _covering(folder: Path, needed: Collection[Path]) -> list[Path]:
    """The fewest folders and files below `folder` that hold the needed sources and no other code."""
    inside = {path for path in with_code() if path.is_relative_to(folder)}
    if inside and inside <= set(needed):
        return [folder]
    files = [path for path in inside & set(needed) if path.parent == folder]
    folders = {folder / path.relative_to(folder).parts[0] for path in inside - set(files) if path.parent != folder}
    return files + [found for inner in folders for found in _covering(inner, needed)]


@cache
def with_code() -> frozenset[Path]:
    """The source files that run when they are imported or rendered: all but packages that nobody imports by name."""
    named = {imported for module in modules().values() for imported in module.own}
    paths = {module.path for name, module in modules().items() if module.path.name != "__init__.py" or name in named}
    return frozenset(paths | set(templates().values()))


@dataclass
class Reads:
    """What a function reads of a configuration."""

    keys: set[str] = field(default_factory=set)  # `train.lr` for cfg.train.lr, `train` for cfg.train as a whole
    choices: set[str] = field(default_factory=set)  # `data` for cfg.choices["data"]
    as_dict: set[str] = field(default_factory=set)  # functions that turn all of it into a dict and choose from that


def config_reads(module: str, function: str) -> Reads:
    """What a function reads of its parameter `cfg`, by itself and in the functions of fieldguide that it hands it to.

    Fails where `cfg` is used in a way that this cannot follow.
    """
    reads = Reads()
    tree = modules()[module].tree
    definition = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function)
    waiting: list[ast.AST] = list(definition.body)
    while waiting:
        node = waiting.pop()
        if choice := _choice(node):
            reads.choices.add(choice)
            continue
        if key := _key(node):
            reads.keys.add(key)
            continue
        if isinstance(node, ast.Call) and any(_is_cfg(argument) for argument in node.args):
            assert isinstance(node.func, ast.Name), f"{module}.{function} hands cfg to {ast.unparse(node.func)}"
            if node.func.id == "asdict":
                reads.as_dict.add(f"{module}.{function}")
            else:
                further = config_reads(_home(module, node.func.id), node.func.id)
                reads.keys |= further.keys
                reads.choices |= further.choices
                reads.as_dict |= further.as_dict
            waiting += [argument for argument in node.args if not _is_cfg(argument)]
            continue
        assert not _is_cfg(node), f"{module}.{function} uses cfg in a way that this test cannot follow"
        waiting += ast.iter_child_nodes(node)
    return reads


def _is_cfg(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "cfg"


def _choice(node: ast.AST) -> str:
    """`a` for cfg.choices["a"], else nothing."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and _key(node.value) == "choices":
        return str(node.slice.value)
    return ""


def _key(node: ast.AST) -> str:
    """`a.b` for cfg.a.b, else nothing."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed(parts)) if parts and _is_cfg(node) else ""


def _home(module: str, function: str) -> str:
    """The module that a function comes from which `module` calls by its bare name."""
    for node in ast.walk(modules()[module].tree):
        if isinstance(node, ast.ImportFrom) and function in {alias.asname or alias.name for alias in node.names}:
            return node.module or ""
    return module
