"""Looks for thresholds: what is due is computed while nothing is locked, and saved if what it stood on still holds."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from services.qa.domain import auto_accept, class_thresholds, two_phase
from services.qa.domain.auto_accept import Audited, Check
from services.qa.domain.class_thresholds import ClassThreshold, ThresholdSet
from services.qa.domain.project import Project
from services.qa.operations.current_thresholds import (
    SELECTION,
    Compared,
    CurrentThresholds,
    ThresholdDraft,
    classes_of,
    publish_thresholds,
)
from services.qa.storage import predictions, projects, thresholds
from services.qa.storage.predictions import Model
from services.qa.storage.thresholds import RETURNED, Looks
from shared.contracts.draws import draw
from shared.contracts.events import ThresholdEvidence
from shared.contracts.policies import AutoAcceptPolicy
from shared.contracts.values import LabelMethod
from shared.kit.concurrency import beside_the_loop
from shared.kit.database import Session

_FEW_LABELS: Final = 1_000
"""So many take some milliseconds. More go to a thread: handing 20,000 to a process takes longer than the look does."""


@dataclass(frozen=True, slots=True)
class DueLook:
    """A look that is due, its `number` counted from 1 by champion, and what it stands on.

    `looks`: those made before of all versions that answered the question; they share one risk.
    """

    project: Project
    champion: Model
    current: CurrentThresholds
    number: int
    looks: Looks
    evidence: Sequence[Compared]

    @property
    def policy(self) -> AutoAcceptPolicy:
        return self.project.policies.auto_accept

    @property
    def level(self) -> float:
        before = self.looks
        return auto_accept.level_of_look(before.made + 1, self.policy.confidence_level, returned=before.returned)


@dataclass(frozen=True, slots=True)
class LookOutcome:
    """What a look found, and how many of the held-out answers that would accept; `before`: how many what stands does.

    `to_check` of what it would accept were drawn for an expert who is yet to be asked, `in_review` for one who was.
    """

    found: ThresholdSet
    audited: Sequence[Audited]
    accepts: int
    before: int
    to_check: Sequence[UUID] = ()
    in_review: int = 0

    @property
    def labelled(self) -> int:
        """How many held-out labels there are; the others are audits."""
        return sum(one.floor is None for one in self.audited)

    @property
    def waits_for_experts(self) -> bool:
        """Whether experts are to see more of it first. Where records never cease to come, some are always at an expert's."""
        drawn = sum(one.check in {Check.CHECKED, Check.MISSED} for one in self.audited)
        return bool(self.to_check) or self.in_review > auto_accept.CHECK_SHARE * drawn


async def carry_out(look: DueLook) -> LookOutcome:
    """Test all classes side by side. Needs no session."""
    if len(look.evidence) <= _FEW_LABELS:
        return _outcome(look)
    return await beside_the_loop(_outcome, look)


def _outcome(look: DueLook) -> LookOutcome:
    """Look as if experts had found right what they are yet to see; if there is nothing of that, it is the outcome."""
    given = class_thresholds.how_often_given(
        [Audited(one.seen.confidence, one.right, label=one.label) for one in look.evidence if not one.seen.audit],
        look.policy.error_budget,
    )
    share = class_thresholds.check_share(
        look.policy.check_share, given, error_budget=look.policy.error_budget, level=look.level
    )
    draw_below = partial(_is_drawn, look, share)
    pairs = [(one, found) for one in look.evidence if (found := _audited(look, one, draw_below)) is not None]
    audited = [found for _, found in pairs]
    hoped = [replace(found, check=Check.CHECKED) if _is_open(one, found) else found for one, found in pairs]
    outcome = _look(look, hoped, share)
    if hoped == audited:
        return outcome
    passed = outcome.found.passed
    above = [
        one.seen for one, found in pairs if _is_open(one, found) and found.confidence >= passed.get(one.label, 2.0)
    ]
    to_check = [seen.record_id for seen in above if not seen.in_review]
    waiting = replace(outcome, to_check=to_check, in_review=len(above) - len(to_check))
    return waiting if waiting.waits_for_experts else _look(look, audited, share)


def _look(look: DueLook, audited: Sequence[Audited], share: float) -> LookOutcome:
    found = class_thresholds.choose_thresholds(
        audited,
        classes_of(look.project, look.champion),
        error_budget=look.policy.error_budget,
        level=look.level,
        share=share,
    )
    accepts = class_thresholds.accepted(audited, found.values)
    return LookOutcome(found, audited, accepts, class_thresholds.accepted(audited, look.current.values))


def _is_drawn(look: DueLook, share: float, record_id: UUID) -> bool:
    return draw(look.project.content.draw_salt, "check", record_id) < share


def _is_open(one: Compared, found: Audited) -> bool:
    """Whether chance drew the record and an expert may still see it."""
    return found.check is Check.MISSED and (one.seen.in_review or not one.seen.checked)


def _audited(look: DueLook, one: Compared, is_drawn: Callable[[UUID], bool]) -> Audited | None:
    """The evidence as the test takes it; None for an audit that was drawn under another model, or that no expert saw."""
    seen, policy = one.seen, look.policy
    if seen.audit:
        if policy.check_share != 0.0 or seen.routed_model_id != look.champion.model_id or seen.routed_threshold is None:
            return None
        return Audited(seen.confidence, one.right, seen.routed_threshold, one.label)
    if seen.method == LabelMethod.DECISION:
        check = Check.CHECKED if seen.drawn else Check.KNOWN
    elif not one.right or policy.check_share == 0.0:
        check = Check.KNOWN
    elif seen.confidence < auto_accept.lowest_confidence(policy.error_budget):
        check = Check.UNDRAWN
    else:
        check = Check.MISSED if is_drawn(seen.record_id) else Check.UNDRAWN
    return Audited(seen.confidence, one.right, None, one.label, check)


async def conclude(session: Session, look: DueLook, outcome: LookOutcome, now: datetime) -> None:
    """Keep the look, unless what it stood on has changed. What it found replaces what stands as a whole, if it accepts more.

    What stands was shown by an earlier look, whose risk is paid. Taken together, parts of two looks would show nothing.
    """
    if not await _still_holds(session, look):
        return
    await thresholds.add_test(
        session,
        project_id=look.project.project_id,
        model_id=look.champion.model_id,
        number=look.number,
        kind=SELECTION,
        labels=outcome.labelled,
        content=_content(look, outcome),
        now=now,
    )
    drafts = _drafts(look, outcome)
    await publish_thresholds(session, look.project, look.champion, look.current, drafts, now)


async def _still_holds(session: Session, look: DueLook) -> bool:
    """Whether champion, policy, thresholds and the count of looks are those that the look stood on; locks the champion."""
    champion = await predictions.lock_champion(session, look.project.project_id)
    if champion is None or champion.model_id != look.champion.model_id:
        return False
    project = await projects.load(session, look.project.project_id)
    if project is None or project.policies.auto_accept != look.project.policies.auto_accept:
        return False
    current = CurrentThresholds(await thresholds.current(session, champion.model_id))
    last = await thresholds.last_test(session, champion.model_id, SELECTION)
    number = 1 if last is None else last["number"] + 1
    looks = await thresholds.looks(session, project.project_id, champion.question, SELECTION)
    return (current.revision, number, looks) == (look.current.revision, look.number, look.looks)


def _content(look: DueLook, outcome: LookOutcome) -> dict[str, Any]:
    found, audited = outcome.found, outcome.audited
    return {
        "level": look.level,
        "look": look.looks.made + 1,
        RETURNED: found.returned,
        "error_budget": look.policy.error_budget,
        "held_out": outcome.labelled,
        "audits": len(audited) - outcome.labelled,
        "wrong": sum(not one.right for one in audited),
        "check_share": found.share,
        "checked": sum(one.check is Check.CHECKED for one in audited),
        "wrong_agreements": sum(one.check is Check.CHECKED and not one.right for one in audited),
        "groups": [asdict(one) for one in found.groups],
        "classes": [
            {
                "label": one.label,
                "threshold": one.value,
                "outcome": one.outcome,
                "tested": one.counts.tested,
                "errors": one.counts.wrong,
            }
            for one in found.classes
        ],
    }


def _drafts(look: DueLook, outcome: LookOutcome) -> Sequence[ThresholdDraft]:
    """What is to hold from now on, of the classes of which something changes."""
    found, current = outcome.found, look.current
    if outcome.accepts > outcome.before:
        shown = found.classes
    elif outcome.accepts == 0 and not current.accepts:
        shown = [one for one in found.classes if one.label not in current.values]
    else:
        return ()
    drafts = [_draft(one, found, outcome.labelled) for one in shown]
    if current.accepted_by(None) is not None and None not in found.values:
        drafts.append(ThresholdDraft(None, None, "replaced_by_classes", None))
    return drafts


def _draft(one: ClassThreshold, found: ThresholdSet, labelled: int) -> ThresholdDraft:
    group, level = one.group, found.level if one.group is None else one.group.level
    own = two_phase.upper_bound(one.counts, level, found.share)
    passed = None if group is None or one.value is None else group.found
    evidence = ThresholdEvidence(
        tested=one.counts.tested if passed is None else passed.tested,
        errors=one.counts.wrong if passed is None else passed.errors,
        held_out_labels=labelled,
        upper_bound=min(own if passed is None else passed.upper_bound, 1.0),
        level=level,
        tested_with=[] if group is None else [each for each in group.labels if each is not None and each != one.label],
        class_tested=one.counts.tested,
        class_errors=one.counts.wrong,
        class_upper_bound=min(own, 1.0),
        check_share=found.share,
        checked=one.counts.checked if passed is None else passed.checked,
        wrong_agreements=one.counts.shared if passed is None else passed.shared,
        not_checked=one.counts.missed if passed is None else passed.missed,
    )
    return ThresholdDraft(one.label, one.value, one.outcome, evidence)
