"""`make deps`: writes the source files that each stage runs through into dvc.yaml; everything else in it stays."""

from io import StringIO

from ruamel.yaml import YAML

from fieldguide.base.files import write_text
from source_graph import ROOT, SOURCE, source_deps

PIPELINE = ROOT / "dvc.yaml"


def main() -> None:
    """Rewrite the lines below src/ in `deps` of every stage, and name the stages that changed."""
    yaml = YAML()  # round trip: comments, order and quotes stay
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    pipeline = yaml.load(PIPELINE)
    changed = []
    for name, stage in pipeline["stages"].items():
        others = [dep for dep in stage["deps"] if not dep.startswith(f"{SOURCE.name}/")]
        wanted = [*others, *source_deps(name)]
        if list(stage["deps"]) != wanted:
            stage["deps"][:] = wanted
            changed.append(name)
    if changed:
        text = StringIO()
        yaml.dump(pipeline, text)
        write_text(PIPELINE, text.getvalue())
    print(f"dvc.yaml: {', '.join(changed) or 'nothing'} changed")


if __name__ == "__main__":
    main()
