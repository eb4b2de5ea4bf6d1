"""What functions of fieldguide read of the configuration, from the source text alone."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

from fieldguide.base.source_graph import modules

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"


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
