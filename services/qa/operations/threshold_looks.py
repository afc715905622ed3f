"""Looks for thresholds: what is due is computed while nothing is locked, and saved if what it stood on still holds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from services.qa.domain import auto_accept, class_thresholds
from services.qa.domain.auto_accept import Audited
from services.qa.domain.class_thresholds import ClassThreshold, ThresholdSet
from services.qa.domain.project import Project
from services.qa.operations.current_thresholds import (
    SELECTION,
    CurrentThresholds,
    ThresholdDraft,
    classes_of,
    publish_thresholds,
)
from services.qa.storage import predictions, projects, thresholds
from services.qa.storage.predictions import Model
from shared.contracts.events import ThresholdEvidence
from shared.kit.concurrency import beside_the_loop
from shared.kit.database import Session

_FEW_LABELS: Final = 1_000
"""So many take some milliseconds. More go to a thread: handing 20,000 to a process takes longer than the look does."""


@dataclass(frozen=True, slots=True)
class DueLook:
    """A look that is due, its `number` counted from 1 by champion, and what it stands on."""

    project: Project
    champion: Model
    current: CurrentThresholds
    number: int
    audited: Sequence[Audited]

    @property
    def level(self) -> float:
        return auto_accept.level_of_look(self.number, self.project.policies.auto_accept.confidence_level)

    @property
    def labelled(self) -> int:
        """How many held-out labels there are; the others are audits."""
        return sum(one.floor is None for one in self.audited)


@dataclass(frozen=True, slots=True)
class LookOutcome:
    """What a look found, and how many of the held-out answers that would accept; `before`: how many what stands does."""

    found: ThresholdSet
    accepts: int
    before: int


async def carry_out(look: DueLook) -> LookOutcome:
    """Test all classes side by side. Needs no session."""
    if len(look.audited) <= _FEW_LABELS:
        return _outcome(look)
    return await beside_the_loop(_outcome, look)


def _outcome(look: DueLook) -> LookOutcome:
    found = class_thresholds.choose_thresholds(
        look.audited,
        classes_of(look.project, look.champion),
        error_budget=look.project.policies.auto_accept.error_budget,
        level=look.level,
    )
    accepts = class_thresholds.accepted(look.audited, found.values)
    return LookOutcome(found, accepts, class_thresholds.accepted(look.audited, look.current.values))


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
        labels=look.labelled,
        content=_content(look, outcome.found),
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
    return (current.revision, number) == (look.current.revision, look.number)


def _content(look: DueLook, found: ThresholdSet) -> dict[str, Any]:
    return {
        "level": look.level,
        "error_budget": look.project.policies.auto_accept.error_budget,
        "held_out": look.labelled,
        "audits": len(look.audited) - look.labelled,
        "wrong": sum(not one.right for one in look.audited),
        "groups": [asdict(one) for one in found.groups],
        "classes": [
            {
                "label": one.label,
                "threshold": one.value,
                "outcome": one.outcome,
                "tested": one.tested,
                "errors": one.errors,
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
    drafts = [_draft(one, found, look.labelled) for one in shown]
    if current.accepted_by(None) is not None and None not in found.values:
        drafts.append(ThresholdDraft(None, None, "replaced_by_classes", None))
    return drafts


def _draft(one: ClassThreshold, found: ThresholdSet, labelled: int) -> ThresholdDraft:
    group, level = one.group, found.level if one.group is None else one.group.level
    own = auto_accept.upper_bound(one.errors, one.tested, level)
    passed = None if group is None or one.value is None else group.found
    evidence = ThresholdEvidence(
        tested=one.tested if passed is None else passed.tested,
        errors=one.errors if passed is None else passed.errors,
        held_out_labels=labelled,
        upper_bound=min(own if passed is None else passed.upper_bound, 1.0),
        level=level,
        tested_with=[] if group is None else [each for each in group.labels if each is not None and each != one.label],
        class_tested=one.tested,
        class_errors=one.errors,
        class_upper_bound=min(own, 1.0),
    )
    return ThresholdDraft(one.label, one.value, one.outcome, evidence)
