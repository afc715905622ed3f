"""The kinds of question, found by discovery: every module here defines exactly one `Question` with a literal `kind`."""

import importlib
import pkgutil
from typing import get_args

from shared.contracts.answers.question import Question


def _discover() -> dict[str, type[Question]]:
    models: dict[str, type[Question]] = {}
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for member in vars(module).values():
            if isinstance(member, type) and issubclass(member, Question) and member.__module__ == module.__name__:
                for kind in get_args(member.model_fields["kind"].annotation):
                    models[kind] = member
    return models


QUESTION_MODELS: dict[str, type[Question]] = _discover()
