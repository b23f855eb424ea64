"""`options:` with the files that it names read in."""

from rejoinder.config.parse import Parser
from rejoinder.config.tree import Broken, Entry, Listing, Node, Scalar, Table, kind
from rejoinder.config.value import NO_VALUE, Value, file_text, named_file


def read_in(options: Value) -> Node:
    """The options as a tree without `{file: path}`: at the top such a file is YAML and holds the options themselves,
    deeper down it is the text of one option. Faults are reported and leave Broken nodes."""
    table = _options_file(options) if _names_file(options.node) else options.node
    if isinstance(table, Broken):
        return table
    if not isinstance(table, Table):
        options.with_node(table).table()
        return Broken(table.mark)
    return _expanded(options.with_node(table), top=True)


def _names_file(node: Node) -> bool:
    return isinstance(node, Table) and list(node.entries) == ["file"] and isinstance(node.entries["file"].node, Scalar | Broken)


def _options_file(options: Value) -> Node:
    found = named_file(options)
    if found is None:
        return Broken(options.node.mark)
    _, path, text = found
    before = len(options.unit.problems)
    root = Parser(options.unit, str(path), text, where=options.origin.where).tree()
    if isinstance(root, Table):
        return Table(root.mark, root.entries, (path,))
    if len(options.unit.problems) == before:
        holds = kind(root) if root else "nothing"
        what, remedy = f"the file {path} holds {holds}", "write the options in it, one 'key: value' a line"
        options.unit.add(options.origin.problem(("file",), what, remedy))
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
