"""What rules of shape ask for, in words of ours: pydantic's speak of Python and may repeat what came."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from shared.contracts.values import BrokenRule

BROKEN: Final = "The value breaks this rule."


def _listed(context: Mapping[str, Any], name: str) -> str:
    return str(context[name]).replace("'", "").replace('"', "")


def _counted(context: Mapping[str, Any], name: str) -> str:
    # a list has members, and so has an object; neither is called by its Python type
    return f"{context[name]} members"


_OBJECT: Final = "It must be an object."
NUMBER: Final = "It must be a number."
WHOLE_NUMBER: Final = "It must be a whole number, of 64 bits at most."
_FLAG: Final = "It must be true or false."
_TEXT: Final = "It must be a text."
_UUID: Final = "It must be a UUID."
_MOMENT: Final = "It must be a date and time with its offset (RFC 3339)."
_URL: Final = "It must be a URL."

_PLAIN: Final[Mapping[str, str]] = {
    "missing": "It is required.",
    "extra_forbidden": "There is no member of this name.",
    "string_type": _TEXT,
    "string_unicode": "It must be a text that can be written as UTF-8.",
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "int_parsing_size": "It is too large a number.",
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "finite_number": "It must be a finite number.",
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "list_type": "It must be a list.",
    "set_type": "It must be a list.",
    "frozen_set_type": "It must be a list.",
    "tuple_type": "It must be a list.",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "none_required": "It must be null.",
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": _UUID,
    "url_type": _URL,
    "url_parsing": _URL,
    "url_scheme": _URL,
    "json_type": "It must be JSON (RFC 8259).",
    "json_invalid": "It must be JSON (RFC 8259).",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "timezone_aware": _MOMENT,
    "union_tag_not_found": "It does not show of which kind it is.",
}
_WITH_LIMIT: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "enum": lambda context: f"It must be one of: {_listed(context, 'expected')}.",
    "literal_error": lambda context: f"It must be one of: {_listed(context, 'expected')}.",
    "union_tag_invalid": lambda context: f"Its kind must be one of: {_listed(context, 'expected_tags')}.",
    "string_too_short": lambda context: f"It must have at least {context['min_length']} characters.",
    "string_too_long": lambda context: f"It must have at most {context['max_length']} characters.",
    "string_pattern_mismatch": lambda context: f"It must match {context['pattern']}",
    "too_short": lambda context: f"It must have at least {_counted(context, 'min_length')}.",
    "too_long": lambda context: f"It must have at most {_counted(context, 'max_length')}.",
    "greater_than": lambda context: f"It must be more than {context['gt']}.",
    "greater_than_equal": lambda context: f"It must be at least {context['ge']}.",
    "less_than": lambda context: f"It must be less than {context['lt']}.",
    "less_than_equal": lambda context: f"It must be at most {context['le']}.",
    "multiple_of": lambda context: f"It must be a multiple of {context['multiple_of']}.",
}


class RuleError(NamedTuple):
    """Where a rule is broken, the rule's name as pydantic writes it (`string_type`), and what it asks for."""

    path: tuple[str | int, ...]
    rule: str
    detail: str


def read_error(error: Mapping[str, Any]) -> RuleError:
    """Read one of pydantic's errors, with its context; the detail never repeats what came."""
    rule: str = error["type"]
    broken = error.get("ctx", {}).get("error")
    if isinstance(broken, BrokenRule):
        return RuleError((*error["loc"], *broken.path), broken.rule or rule, str(broken))
    with_limit = _WITH_LIMIT.get(rule)
    detail = _PLAIN.get(rule, BROKEN) if with_limit is None else with_limit(error["ctx"])
    return RuleError(error["loc"], rule, detail)
