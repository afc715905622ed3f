"""The current thresholds of a model: how they are published, and withdrawn when audits speak against them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from services.qa.domain import auto_accept, class_thresholds
from services.qa.domain.auto_accept import Threshold
from services.qa.domain.project import Project
from services.qa.storage import thresholds
from services.qa.storage.predictions import Model
from services.qa.storage.thresholds import BlindLabel, ModelThreshold
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.contracts.events import AutoAcceptThresholdSet, ThresholdEvidence
from shared.kit import outbox
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

SELECTION = "selection"
AUDIT = "audit"
MOST_EVIDENCE = 20_000
"""So many labels show a budget of .1 % with an interval of .04 points."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A blind label beside the model's answer, whose class is `label`; `right`: they agree."""

    seen: BlindLabel
    right: bool
    label: str | None


@dataclass(frozen=True, slots=True)
class ThresholdDraft:
    """What is to hold for a class from now on; `value` None: nothing of it is accepted."""

    label: str | None
    value: float | None
    reason: str
    evidence: ThresholdEvidence | None


class CurrentThresholds:
    """The newest row of each class of a model. A class without a row of its own goes by that of None."""

    def __init__(self, rows: Sequence[ModelThreshold]) -> None:
        self._rows = {one.label: one for one in rows}

    @property
    def rows(self) -> Sequence[ModelThreshold]:
        return list(self._rows.values())

    @property
    def accepting(self) -> Sequence[ModelThreshold]:
        return [one for one in self.rows if one.threshold is not None]

    @property
    def accepts(self) -> bool:
        """Whether there is any class of which answers are accepted."""
        return bool(self.accepting)

    @property
    def values(self) -> dict[str | None, float | None]:
        return {label: one.threshold for label, one in self._rows.items()}

    @property
    def revision(self) -> int:
        return max((one.threshold_revision for one in self.rows), default=0)

    def of(self, label: str | None) -> ModelThreshold | None:
        """The row that a class goes by."""
        return self._rows.get(label) or self._rows.get(None)

    def accepted_by(self, label: str | None) -> float | None:
        """The threshold of this very row."""
        return self.values.get(label)


def classes_of(project: Project, champion: Model) -> list[str | None]:
    """The classes that the champion's question has; None alone where its kind has none."""
    schema = project.schema(champion.schema_version)
    questions = [] if schema is None else [each for each in schema.questions if each.name == champion.question]
    if questions and isinstance(questions[0], ChoiceQuestion):
        return list(questions[0].labels)
    return [None]


def most_evidence(project: Project) -> int:
    """How many labels a round reads at most: as many as a look may need, however strict the policy."""
    policy = project.policies.auto_accept
    least = auto_accept.least_sample(policy.error_budget, policy.confidence_level)
    return max(MOST_EVIDENCE, ceil(auto_accept.STREAM_STEP * least))


async def hold_against_audits(
    session: Session,
    project: Project,
    champion: Model,
    current: CurrentThresholds,
    evidence: Sequence[Compared],
    now: datetime,
) -> CurrentThresholds:
    """Hold thresholds against the audits made under them; withdraw those that they speak against."""
    under = _audits_under(champion, current, evidence)
    count = sum(map(len, under.values()))
    last = await thresholds.last_test(session, champion.model_id, AUDIT)
    known = last is not None and last["content"]["since"] == current.revision and last["labels"] == count
    if count == 0 or known:
        return current
    policy = project.policies.auto_accept
    withdrawn: list[ThresholdDraft] = []
    groups = []
    for rows in _groups(current):
        audited = {one.label: under[one.label] for one in rows}
        rights = [right for of_class in audited.values() for right in of_class]
        errors = rights.count(False)
        reason = auto_accept.withdrawal(
            _shown(rows[0]),
            errors=errors,
            audited=len(rights),
            error_budget=policy.error_budget,
            level=policy.confidence_level,
        )
        doubt = (1.0 - policy.confidence_level) / len(rows)
        fallen = [
            one
            for one in rows
            if reason is not None
            or (
                (wrong := audited[one.label].count(False)) > 1
                and class_thresholds.exceeds(wrong, len(audited[one.label]), policy.error_budget, doubt)
            )
        ]
        withdrawn += [ThresholdDraft(one.label, None, reason or "audits_exceed_budget", None) for one in fallen]
        groups.append(
            {
                "labels": [one.label for one in rows],
                "audited": len(rights),
                "errors": errors,
                "upper_bound": auto_accept.upper_bound(errors, len(rights), policy.confidence_level),
                "withdrawn": [one.label for one in fallen],
            }
        )
    await thresholds.add_test(
        session,
        project_id=project.project_id,
        model_id=champion.model_id,
        number=1 if last is None else last["number"] + 1,
        kind=AUDIT,
        labels=count,
        content={"since": current.revision, "error_budget": policy.error_budget, "groups": groups},
        now=now,
    )
    return await publish_thresholds(session, project, champion, current, withdrawn, now)


def _audits_under(
    champion: Model, current: CurrentThresholds, evidence: Sequence[Compared]
) -> dict[str | None, list[bool]]:
    """Whether the answers were right that would have been accepted, by the row that they go by."""
    under: dict[str | None, list[bool]] = defaultdict(list)
    for one in evidence:
        row = current.of(one.label)
        if row is None or row.threshold is None or not one.seen.audit:
            continue
        made_under = one.seen.routed_model_id == champion.model_id and one.seen.finalized_at >= row.set_at
        if made_under and one.seen.confidence >= row.threshold:
            under[row.label].append(one.right)
    return under


def _groups(current: CurrentThresholds) -> list[list[ModelThreshold]]:
    """The rows that were tested together and still accept."""
    groups: dict[tuple[str | None, ...], list[ModelThreshold]] = defaultdict(list)
    for one in current.accepting:
        together = {one.label, *(one.evidence or {}).get("tested_with", ())}
        groups[tuple(sorted(together, key=lambda label: label or ""))].append(one)
    return list(groups.values())


def _shown(row: ModelThreshold) -> Threshold:
    evidence = row.evidence or {}
    assert row.threshold is not None
    return Threshold(
        value=row.threshold,
        tested=evidence.get("tested", 0),
        errors=evidence.get("errors", 0),
        upper_bound=evidence.get("upper_bound", 1.0),
        coverage=0.0,
        checked=evidence.get("checked", 0),
        shared=evidence.get("wrong_agreements", 0),
        missed=evidence.get("not_checked", 0),
        share=evidence.get("check_share", 1.0),
    )


async def publish_thresholds(
    session: Session,
    project: Project,
    champion: Model,
    before: CurrentThresholds,
    drafts: Sequence[ThresholdDraft],
    now: datetime,
) -> CurrentThresholds:
    """Keep and publish what is to hold; returns what is current then."""
    if not drafts:
        return before
    policy = project.policies.auto_accept
    made = [
        ModelThreshold(
            model_id=champion.model_id,
            threshold_revision=revision,
            project_id=project.project_id,
            schema_version=champion.schema_version,
            question=champion.question,
            label=draft.label,
            threshold=draft.value,
            error_budget=policy.error_budget,
            confidence_level=policy.confidence_level,
            evidence=None if draft.evidence is None else draft.evidence.model_dump(mode="json"),
            reason=draft.reason,
            set_at=now,
        )
        for revision, draft in enumerate(drafts, before.revision + 1)
    ]
    await thresholds.add(session, made)
    await outbox.publish_many(
        session,
        [
            Outgoing(payload=threshold_set(one), project_id=one.project_id, revision=one.threshold_revision)
            for one in made
        ],
    )
    return CurrentThresholds([*before.rows, *made])


def threshold_set(made: ModelThreshold) -> AutoAcceptThresholdSet:
    """The event that publishes a threshold."""
    return AutoAcceptThresholdSet(
        model_id=made.model_id,
        schema_version=made.schema_version,
        question=made.question,
        label=made.label,
        threshold_revision=made.threshold_revision,
        threshold=made.threshold,
        error_budget=made.error_budget,
        confidence_level=made.confidence_level,
        evidence=None if made.evidence is None else ThresholdEvidence.model_validate(made.evidence),
        reason=made.reason,
    )
