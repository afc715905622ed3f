"""Metrics of events. Labels are few: groups, topics and reasons, never ids."""

from typing import Final

from prometheus_client import Counter, Gauge

SENT: Final = Counter("touchstone_outbox_sent", "Events that the broker acknowledged.", ["service"])
SET_ASIDE: Final = Counter("touchstone_outbox_set_aside", "Events that the broker refused for themselves.", ["service"])
WAITING_BEHIND: Final = Gauge(
    "touchstone_outbox_set_aside_events", "Events that the broker refused and that later ones wait behind.", ["service"]
)
UNSENT_AGE: Final = Gauge("touchstone_outbox_oldest_unsent_seconds", "Age of the oldest unsent event.", ["service"])
RELAYING: Final = Gauge("touchstone_outbox_relay_active", "1 where this process holds the relay.", ["service"])

HANDLED: Final = Counter("touchstone_events_handled", "Events that had their effect.", ["group", "topic"])
SEEN: Final = Counter("touchstone_events_seen_before", "Events delivered again, without effect.", ["group"])
IGNORED: Final = Counter("touchstone_events_ignored", "Events of types the group doesn't listen to.", ["group"])
HALVED: Final = Counter("touchstone_event_sets_halved", "Sets that failed and were divided.", ["group"])
RETRIED: Final = Counter("touchstone_event_retries", "Attempts that failed and were made again.", ["group"])
DEAD: Final = Counter("touchstone_dead_letters", "Events given up, by reason.", ["group", "reason"])
PARKED: Final = Counter("touchstone_events_parked", "Events that came before what they need.", ["group", "kind"])
PARKED_NOW: Final = Gauge(
    "touchstone_parked_events", "Events that wait for what they need, counted up to 10,000.", ["group", "kind"]
)
PARKED_AGE: Final = Gauge("touchstone_parked_oldest_seconds", "Age of the longest parked event.", ["group", "kind"])
ERASURES_PENDING: Final = Gauge(
    "touchstone_erasures_pending",
    "Erased records of which something is left in this place of this service.",
    ["waits_for", "place"],
)
ERASURES_AGE: Final = Gauge(
    "touchstone_erasures_oldest_pending_seconds",
    "How long ago the first of the records was erased of which something is left in this place.",
    ["waits_for", "place"],
)
LAG: Final = Gauge(
    "touchstone_consumer_lag", "Events in the topic that the group has yet to handle.", ["group", "topic"]
)
PAUSED: Final = Gauge("touchstone_consumer_paused", "1 while the consumer waits for its database.", ["group"])
