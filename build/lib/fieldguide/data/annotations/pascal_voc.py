"""Pascal VOC: an XML file for each picture, with its size and a named box for each object.

The format of http://host.robots.ox.ac.uk/pascal/VOC: xmin, ymin, xmax and ymax in pixels of the file as it is stored.
"""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

from fieldguide.data.annotations.annotation import Annotation, SizeOf, floats, with_box

LARGEST = 10_000_000  # bytes
DEEPEST = 50
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def parse_xml(content: bytes) -> Element | None:
    """The root of an XML document without a document type, and so without entities; None for anything else."""
    if len(content) > LARGEST:
        return None
    builder, parser = TreeBuilder(), ParserCreate()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise ValueError("too deep")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> None:
        raise ValueError("a document type")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
        root: Element = builder.close()
    except (ExpatError, ValueError, AssertionError, LookupError):  # the last of an encoding that nobody knows
        return None
    return root


def is_voc(content: bytes) -> bool:
    """Whether a file is such an annotation."""
    root = parse_xml(content)
    return root is not None and root.tag == "annotation" and (root.find("filename") is not None or _objects(root) != [])


def read_voc(content: bytes, picture: str, size_of: SizeOf) -> list[Annotation]:
    """A row for each object; one that says why where there is none."""
    root = parse_xml(content)
    if root is None or root.tag != "annotation":
        return [Annotation(picture, left_out="its annotation is no such XML document as those of the others")]
    sides = [int(side) for side in floats([root.findtext("size/width"), root.findtext("size/height")])]
    size = (sides[0], sides[1]) if sides and min(sides) > 0 else size_of(picture)
    rows = []
    for one in _objects(root):
        row = Annotation(picture, (one.findtext("name") or "").strip())
        corners = floats([one.findtext(f"bndbox/{corner}") for corner in CORNERS])
        if one.find("bndbox") is None:
            rows.append(row)
        else:
            left, top, right, bottom = corners or (0.0, 0.0, 0.0, 0.0)
            rows.append(with_box(row, [left, top, right - left, bottom - top], size, pixels=True))
    return rows or [Annotation(picture, left_out="no object is marked in it")]


def _objects(root: Element) -> list[Element]:
    return root.findall("object")
