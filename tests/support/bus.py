"""A bus that is a list, for tests that don't care how events travel."""

from collections.abc import Mapping, Sequence

from shared.kit.bus import Consumer, Outbound, Published, TopicSettings, Writer
from shared.kit.bus.port import Redact, Revoked
from shared.kit.exceptions import BusUnavailable


class ListBus:
    """Keeps what is published. It can be away, forget to answer, and refuse values."""

    def __init__(self) -> None:
        self.sent: list[Outbound] = []
        self.topics: dict[str, TopicSettings] = {}
        self.writers: dict[str, Writer] = {}
        self.away = False
        self.loses_answers = 0  # so many batches are taken without an answer
        self.refuses: Mapping[bytes, str] = {}  # why a value is refused

    async def ensure_topics(self, topics: Sequence[TopicSettings]) -> None:
        self._answer()
        self.topics.update({topic.name: topic for topic in topics})

    async def take_over(self, writer: Writer) -> None:
        self._answer()
        self.writers[writer.name] = writer

    async def publish(self, messages: Sequence[Outbound], writer: Writer | None = None) -> Published:
        self._answer()
        outcome = Published()
        held: set[tuple[str, bytes]] = set()
        for index, message in enumerate(messages):
            if (message.topic, message.key) in held:
                continue
            if message.value in self.refuses:
                outcome.refused[index] = self.refuses[message.value]
                held.add((message.topic, message.key))
                continue
            self.sent.append(message)
            outcome.sent.append(index)
        if self.loses_answers:
            self.loses_answers -= 1
            raise BusUnavailable("no answer came")
        return outcome

    def consumer(self, group: str, topics: Sequence[str], revoked: Revoked) -> Consumer:
        raise NotImplementedError

    async def redact(self, topics: Sequence[str], keys: frozenset[bytes], redact: Redact) -> frozenset[bytes]:
        self._answer()
        for place, message in enumerate(self.sent):
            if message.topic in topics and message.key in keys and (value := redact(message.value)) is not None:
                self.sent[place] = message._replace(value=value)
        return keys

    async def check(self) -> None:
        self._answer()

    async def maintain(self) -> None: ...

    async def close(self) -> None: ...

    def _answer(self) -> None:
        if self.away:
            raise BusUnavailable("the bus is away")
