"""What is wrong with an answer, in a form that a program can act on."""

from dataclasses import dataclass

from shared.contracts.values import BrokenRule, json_pointer


@dataclass(frozen=True, slots=True)
class Violation:
    """`pointer` (RFC 6901) is relative to the answers, or to one answer inside a kind's own check.

    `rule` is a constant in kebab case. `message` never repeats the value: it may be personal data.
    """

    pointer: str
    rule: str
    message: str

    @classmethod
    def of(cls, broken: BrokenRule) -> "Violation":
        return cls(json_pointer(*broken.path), broken.rule or "value-error", str(broken))

    def under(self, *path: str | int) -> "Violation":
        """The same violation, seen from further outside."""
        return Violation(json_pointer(*path) + self.pointer, self.rule, self.message)
