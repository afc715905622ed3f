"""Which changes of the events break those who hold old ones, or who are not new yet.

Events are kept, and services are replaced one after the other. So a new reader takes what old writers wrote, and an old
reader takes what new ones write: within one version of an event nothing but optional fields may be added.
"""

from collections.abc import Iterator

from deploy.contracts.schemas import Break, Comparison, Schema, Use


def breaking_changes(old: Schema, new: Schema) -> list[Break]:
    """What a service of the old document can't read, or can't be read of it, beside one of the new document."""
    return list(_breaks(old, new))


def _breaks(old: Schema, new: Schema) -> Iterator[Break]:
    reading_old = Comparison(old, new, Use.REQUEST, bounds=True)
    reading_new = Comparison(old, new, Use.ANSWER, bounds=True)
    for topic, channel in old["channels"].items():
        there = new["channels"].get(topic)
        if there is None:
            yield Break(topic, "topic-removed")
            continue
        if channel["address"] != there["address"]:
            yield Break(topic, "address-changed")
        if channel["bindings"] != there["bindings"]:
            yield Break(topic, "retention-changed")
        for name in channel["messages"]:
            where = f"{topic}, {name}"
            if name not in there["messages"]:
                yield Break(where, "event-removed")
                continue
            before, after = old["components"]["messages"][name], new["components"]["messages"][name]
            if before["bindings"] != after["bindings"]:
                yield Break(where, "key-changed")
            yield from reading_old.breaks(before["payload"], after["payload"], f"{where}, read by the new")
            yield from reading_new.breaks(before["payload"], after["payload"], f"{where}, read by the old")
    yield from (Break(name, "reader-or-writer-removed") for name in old["operations"] if name not in new["operations"])
