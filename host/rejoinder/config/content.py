"""`options:` with the files that it names read in."""

from rejoinder.config.parse import Parser
from rejoinder.config.sources import Unreadable
from rejoinder.config.tree import Broken, Entry, Listing, Node, Origin, Scalar, Table, kind
from rejoinder.config.value import NO_VALUE, Value, file_text


def read_in(options: Value) -> Node:
    """The options as a tree without `{file: path}`: at the top such a file is YAML and holds the options themselves,
    deeper down it is the text of one option. Faults are reported and leave Broken nodes."""
    table = _options_file(options) if _names_file(options.node) else options.node
    if isinstance(table, Broken):
        return table
    if not isinstance(table, Table):
        Value(options.unit, Origin(options.origin.where, options.origin.key, table)).table()
        return Broken(table.mark)
    return _expanded(Value(options.unit, Origin(options.origin.where, options.origin.key, table)), top=True)


def _names_file(node: Node) -> bool:
    return isinstance(node, Table) and list(node.entries) == ["file"] and isinstance(node.entries["file"].node, Scalar | Broken)


def _options_file(options: Value) -> Node:
    name = options.child("file")
    written = name.text() if name else None
    if name is None or not written:
        if name is not None:
            name.wrong("no file is named", "write {file: path}")
        return Broken(options.node.mark)
    path = options.unit.folder_of(name.node) / written
    try:
        text = options.unit.sources.read(path)
    except Unreadable as error:
        name.wrong(str(error), error.remedy)
        return Broken(options.node.mark)
    before = len(options.unit.problems)
    root = Parser(options.unit, str(path), text, where=options.origin.where).tree()
    if isinstance(root, Table):
        return Table(root.mark, root.entries, (path,))
    if len(options.unit.problems) == before:
        holds = kind(root) if root else "nothing"
        name.wrong(f"the file {path} holds {holds}", "write the options in it, one 'key: value' a line")
    return Broken(options.node.mark)


def _expanded(value: Value, *, top: bool = False) -> Node:
    match value.node:
        case Table() as table if not top and _names_file(table):
            return file_text(value)
        case Table(mark, entries, read):
            children = {name: _child(value, name) for name in entries}
            return Table(mark, {name: Entry(entries[name].key, node) for name, node in children.items()}, read)
        case Listing(mark, items, flow):
            return Listing(mark, tuple(_child(value, at) for at in range(len(items))), flow)
        case Scalar() as scalar if scalar.value is None:
            value.wrong("no value (null)", NO_VALUE)
            return Broken(scalar.mark)
        case node:
            return node


def _child(value: Value, step: str | int) -> Node:
    origin = value.origin.child(step)
    return _expanded(Value(value.unit, origin)) if origin else Broken(value.node.mark)
