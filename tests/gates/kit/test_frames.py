"""A frame gives back what was put into it, and keeps what its events share once."""

from hypothesis import given
from hypothesis import strategies as st

from shared.kit.clock import new_id
from shared.kit.frames import FramedEvent, pack, unpack

EVENTS = st.lists(
    st.builds(
        FramedEvent,
        key=st.binary(min_size=16, max_size=16),
        envelope=st.binary(max_size=3_000),
        headers=st.none() | st.text(min_size=1, max_size=50),
    ),
    max_size=20,
)


@given(EVENTS)
def test_events_come_out_as_they_went_in(events: list[FramedEvent]) -> None:
    assert unpack(pack(events)) == events


def test_what_events_share_is_kept_once() -> None:
    events = [FramedEvent(new_id().bytes, b'{"id":"%b","fields":{"text":"%b"}}' % (b"x" * 36, b"word " * 100))] * 100
    assert len(pack(events)) < len(events) * 30
