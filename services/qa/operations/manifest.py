"""The manifest of a release: what is in its files, under which schema, and how good it is."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from services.qa.domain.project import Project
from services.qa.domain.release_lineage import LINEAGE_FORMAT
from services.qa.domain.releases import LEFT_OUT, GoldFile, ReleaseProgress, SealsFile
from services.qa.operations import agreement
from services.qa.operations.agreement import Agreement
from services.qa.storage import counters, gold, predictions, projects, thresholds
from services.qa.storage.predictions import ModelCard
from services.qa.storage.releases import Release
from services.qa.storage.thresholds import ModelThreshold
from shared.kit.clock import utc_now
from shared.kit.database import Database
from shared.kit.signatures import ALGORITHM, KeyRing

_FORMAT: Final = "touchstone-release/1"
_THRESHOLDS: Final = 100
_PROMISES: Final = {
    "gold_in_training_split": 0,
    "held_out_labels_by": "people alone",
    "held_out_check": "where the champion and people differed on a held-out record an expert relabelled it"
    " blind, once; of those on which they agreed a random share too, unless the policy wants none",
    "model_selection": "models are chosen by labels of the validation split alone, unless one says otherwise under"
    " `chosen_by`",
    "test_split": "read once for each promoted model, after its promotion, for the figures under `test`; no model is"
    " chosen by it. Thresholds of auto-accept are shown on the labels of both held-out splits",
}


async def of_release(
    database: Database,
    keys: KeyRing,
    release: Release,
    progress: ReleaseProgress,
    seals: SealsFile,
    released_gold: GoldFile | None,
) -> dict[str, Any]:
    """Describe a release whose files are written."""
    async with database.transaction() as session:
        project = await projects.load(session, release.project_id)
        assert project is not None
        counted = await counters.read(session, release.project_id)
        gold_statistics = await gold.statistics(session, release.project_id)
        models = await predictions.model_cards(session, release.project_id)
        set_thresholds = await thresholds.of_project(session, release.project_id, _THRESHOLDS)
        version = release.options["schema_version"]
        measured = await agreement.of_project(session, project, version, None)
    return {
        **_identity(release, project, progress),
        "files": [asdict(one) for one in progress.files],
        "counts": _counts(progress),
        "left_out": left_out(release, progress, counted),
        **_rules(project, version),
        "agreement": [_agreement(one) for one in measured],
        "gold": {**gold_statistics, "released": None if released_gold is None else asdict(released_gold)},
        "lineage": _lineage(keys, progress, seals),
        "models": [_model(one) for one in models],
        "thresholds": [_threshold(one) for one in set_thresholds],
        "promises": _PROMISES,
    }


def left_out(release: Release, progress: ReleaseProgress, counted: Mapping[str, int]) -> dict[str, int]:
    """Return how many records are not in the release, by why; `counted`: the project's counters."""
    states = {name: counted.get(f"records.{name}", 0) for name in ("gold", "open", "unlabelable", "erased")}
    own = f"labels.schema.{release.options['schema_version']}"
    others = sum(value for name, value in counted.items() if name.startswith("labels.schema.") and name != own)
    return {**states, "other_schema_version": others, **{name: progress.left_out[name] for name in LEFT_OUT}}


def _identity(release: Release, project: Project, progress: ReleaseProgress) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "release_id": str(release.release_id),
        "name": release.name,
        "project_id": str(release.project_id),
        "project": project.content.name,
        "requested_at": release.requested_at.isoformat(),
        "as_of": progress.as_of.isoformat(),
        "built_at": utc_now().isoformat(),
        "supersedes": None if release.supersedes is None else str(release.supersedes),
        "options": dict(release.options),
    }


def _lineage(keys: KeyRing, progress: ReleaseProgress, seals: SealsFile) -> dict[str, Any]:
    """What proves the labels: a line for each, every seal of the project, and the public keys that verify these."""
    return {
        "format": LINEAGE_FORMAT,
        "files": [asdict(one) for one in progress.lineage],
        "seals": asdict(seals),
        "keys": [{"key_id": one.key_id, "algorithm": ALGORITHM, "public_key": one.hex} for one in keys.known.values()],
    }


def _counts(progress: ReleaseProgress) -> dict[str, Any]:
    return {
        "by_split": {one.split: one.records for one in progress.files},
        "by_split_and_method": {
            split: dict(sorted(methods.items())) for split, methods in progress.methods_of_splits.items()
        },
        "by_guideline_version": dict(sorted(progress.guidelines.items())),
    }


def _rules(project: Project, version: int) -> dict[str, Any]:
    """What the labels were made by."""
    schema = project.schema(version)
    assert schema is not None
    return {
        "schema": {"version": version, "content": schema.model_dump(mode="json")},
        "guidelines": [
            {"version": one.version, "sha256": hashlib.sha256(one.markdown.encode()).hexdigest()}
            for one in project.content.guidelines
        ],
        "policy_version": project.content.active_policy,
    }


def _agreement(measured: Agreement) -> dict[str, Any]:
    return {
        "question": measured.question,
        "kind": measured.kind,
        "schema_version": measured.schema_version,
        "measured_at": None if measured.measured_at is None else measured.measured_at.isoformat(),
        **measured.content,
    }


def _model(card: ModelCard) -> dict[str, Any]:
    return {
        "model_id": str(card.model_id),
        "version": card.version,
        "stage": card.stage,
        "chosen_by": None if card.evaluation is None else _chosen_by(card.evaluation),
        "test": None if card.test is None else {**card.test, "chosen_by_it": not card.test["untouched"]},
    }


def _chosen_by(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """An older release compared on both held-out splits together, and says nothing of the split."""
    split = evaluation.get("split")
    return {
        "splits": ["validation", "test"] if split is None else [split],
        "records": evaluation["held_out"],
        "accuracy": evaluation["accuracy"],
        "against": evaluation["against"],
        "against_accuracy": evaluation["against_accuracy"],
    }


def _threshold(threshold: ModelThreshold) -> dict[str, Any]:
    return {
        "model_id": str(threshold.model_id),
        "question": threshold.question,
        "label": threshold.label,
        "threshold": threshold.threshold,
        "error_budget": threshold.error_budget,
        "confidence_level": threshold.confidence_level,
        "evidence": threshold.evidence,
        "reason": threshold.reason,
    }
