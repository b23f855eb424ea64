"""`observers:` of the main file."""

from rejoinder.config.agents import fingerprint
from rejoinder.config.content import read_in
from rejoinder.config.fields import check_options
from rejoinder.config.scope import Scope, check_name
from rejoinder.config.shape import ObserverConfig
from rejoinder.config.tree import Broken, Entry, Origin, Table, files_read, plain
from rejoinder.config.value import Value

KEYS = ("system", "options")


def read_observers(table: Value | None, scope: Scope) -> dict[str, ObserverConfig]:
    """Every observer that can be read, by name."""
    if table is None or not table.table():
        return {}
    found = {}
    for name, value in table.children().items():
        if (
            check_name(table, name)
            and value.table(KEYS, otherwise="what the observer itself takes stands under options:")
            and (observer := _observer(name, value, scope))
        ):
            found[name] = observer
    return found


def _observer(name: str, value: Value, scope: Scope) -> ObserverConfig | None:
    if not isinstance(value.node, Table):
        return None
    if "system" not in value.node.entries:
        value.missing("the observer has no system", "write 'system: name'; rejoinder plugins lists the installed ones")
    system, given = value.child("system"), value.child("options")
    text = system.text() if system else None
    options = read_in(given) if given else Table(value.node.mark, {})
    if isinstance(options, Broken):
        return None
    entries = dict(value.node.entries)
    if given:
        entries["options"] = Entry(given.origin.key, options)
        check_options(Value(value.unit, Origin(given.origin.where, given.origin.key, options)), scope.vars)
    if not text or (system and system.is_placeholder):
        return None
    origin = Origin(value.origin.where, value.origin.key, Table(value.node.mark, entries))
    data = plain(options)
    return ObserverConfig(name, text, data, files_read(options), fingerprint(text, data), origin)
