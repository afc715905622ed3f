"""JSON as it may come in: parsed, bounded in its depth and its values, and only what can be stored.

PostgreSQL's text takes neither NUL nor lone surrogates, and JSON's numbers may be larger than any column. All of it is
stopped here, for the body of a request and for each line of a stream.
"""

import codecs
import json
import math
import re
from typing import Any, Final, NamedTuple

import orjson

from shared.kit.exceptions import MalformedJson
from shared.kit.problems import Problem, pointer_to

MAX_DEPTH = 64
"""How deep JSON may be nested."""

MAX_VALUES = 200_000
"""How many values some JSON may hold, whatever its bytes: parsing takes time and memory for each."""

_BYTES_OF_A_VALUE: Final = 128
"""An object with one member takes 184, a member of a large one about 190, a number 32, a short text 56, and a place 8."""

_LONE_SURROGATE: Final = re.compile(r"(low|high) surrogate in string")
_TOO_DEEP_TO_PARSE: Final = "depth limit"
_TOO_LARGE_TO_PARSE: Final = "number is infinity"
"""In orjson's words: an escape that is half of a pair, more than a thousand levels, a number that no double holds."""


def parse_json(raw: bytes, max_values: int = MAX_VALUES) -> Any:
    """Parse JSON that can be stored; for a body and for each line of a stream.

    Raises:
        MalformedJson: it isn't JSON: NaN and numbers beyond a double are not, either.
        Problem: 413, it holds more than `max_values`; 422, a NUL character or lone surrogate, a whole number of more than
            64 bits, an object with a name twice, or it is nested deeper than `MAX_DEPTH`.
    """
    value = read_json(raw, max_values)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _refuse_depth_of(_outside_strings(raw, max_values))
    if may_be_rounded(raw) or may_repeat_names(raw, value):
        refuse_faults(read_exactly(raw))
    if may_hold_nul(raw):
        _refuse_nul(value, [])
    return value


def parsed_bytes(raw: bytes) -> int:
    """About how many bytes Python's objects for some JSON take: small ones take many times those of their text."""
    values = raw.count(b"[") + raw.count(b"{") + raw.count(b",")
    return len(raw) + _BYTES_OF_A_VALUE * min(values, MAX_VALUES)


def read_json(raw: bytes, max_values: int = MAX_VALUES) -> Any:
    """Parse JSON of which it is not looked at yet whether it can be stored.

    Raises:
        MalformedJson: it isn't JSON.
        Problem: 413, it holds more than `max_values`; 422, a lone surrogate, or it is nested too deep to be parsed.
    """
    _refuse_count(raw, max_values)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _refusal_of(raw, error) from None


def read_parts(raw: bytes, max_values: int = MAX_VALUES) -> tuple[Any, bool]:
    """Parse JSON whose parts are looked at one by one, by `check_storable` and, if the second is True, by `refuse_faults`.

    What orjson refuses all of because of one text or number is read again, slower, for where that is.

    Raises:
        MalformedJson: it isn't JSON.
        Problem: 413, it holds more than `max_values`; 422, it is nested too deep to be parsed.
    """
    _refuse_count(raw, max_values)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if _has_lone_surrogate(raw, error) or _TOO_LARGE_TO_PARSE in error.msg:
            return read_exactly(raw), True
        raise _refusal_of(raw, error) from None
    faulty = may_be_rounded(raw) or may_repeat_names(raw, value)
    return (read_exactly(raw) if faulty else value), faulty


def _has_lone_surrogate(raw: bytes, error: orjson.JSONDecodeError) -> bool:
    return b"\\u" in raw and _LONE_SURROGATE.search(str(error)) is not None


def _refusal_of(raw: bytes, error: orjson.JSONDecodeError) -> Problem | MalformedJson:
    if _has_lone_surrogate(raw, error):
        return Problem(422, _SURROGATE.type, _SURROGATE.title, f"There is one at offset {error.pos}.")
    if _TOO_DEEP_TO_PARSE in error.msg:
        return _too_deep()
    if _TOO_LARGE_TO_PARSE in error.msg:
        return MalformedJson(f"a number beyond a double at offset {error.pos}")
    return MalformedJson(_fault_of(raw, error))


def _fault_of(raw: bytes, error: orjson.JSONDecodeError) -> str:
    """What is wrong with bytes that are not JSON: how they are encoded, or where they go wrong."""
    if raw.startswith(codecs.BOM_UTF8):
        return "it begins with a byte order mark, which JSON has not"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:4]:
        return "it looks like UTF-16 or UTF-32; JSON is UTF-8"
    try:
        raw.decode()
    except UnicodeDecodeError as undecodable:
        return f"not UTF-8 at offset {undecodable.start}"
    return f"not JSON at offset {error.pos}: {error.msg}"  # orjson's words never hold what came


_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_MANY_DIGITS: Final = b"0" * 19
_LEAST, _MOST = -(2**63), 2**64 - 1
"""What orjson reads as a whole number; it rounds others to doubles."""
_MOST_DIGITS: Final = len(str(_MOST))


class Fault(NamedTuple):
    """What stands in parsed JSON for something that has to be refused, or is said of it."""

    type: str
    title: str


_TOO_LARGE: Final = Fault("number-too-large", "A whole number has 64 bits at most.")
_BEYOND_DOUBLE: Final = Fault("number-too-large", "A number is no larger than a double holds.")
_SURROGATE: Final = Fault("lone-surrogate", "Text holds no lone surrogates.")
_HALF: Final = re.compile("[\ud800-\udfff]")
_REPEATED: Final = Fault(
    "name-repeated", "An object has a name twice."
)  # RFC 8259, section 4: nobody knows which counts


def read_exactly(raw: bytes) -> Any:
    """Parse JSON slower: with a `Fault` for each number too large and each object that has a name twice or half a character in
    one. Lone surrogates are left in texts; `refuse_faults` finds them.

    Raises:
        MalformedJson: it isn't JSON.
        Problem: 422, it is nested too deep.
    """
    try:
        return json.loads(
            raw.decode(),
            parse_int=_whole_number,
            parse_float=_double,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError as error:
        raise MalformedJson(f"not UTF-8 at offset {error.start}") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(f"not JSON at character {error.pos}") from None


def may_be_rounded(raw: bytes) -> bool:
    """Whether there may be a whole number of more than 64 bits: so many digits in a row."""
    return _MANY_DIGITS in raw.translate(_AS_ZEROS)


def may_repeat_names(raw: bytes, value: Any) -> bool:
    """Whether some object may have a name twice: more names may be written than what was parsed of it has."""
    written = raw.count(b'":') + raw.count(b" :") + raw.count(b"\n:") + raw.count(b"\t:") + raw.count(b"\r:")
    try:
        return written != _count_names(value)
    except RecursionError:  # of what is refused as nested too deep
        return True


def refuse_faults(value: Any) -> None:
    """Raises the 422 problem for the first fault in what `read_exactly` returned."""
    _refuse_fault(value, [])


def _refuse_fault(value: Any, path: list[str | int]) -> None:
    if isinstance(value, str) and not value.isascii() and _HALF.search(value):
        value = _SURROGATE
    if isinstance(value, Fault):
        raise Problem(422, value.type, value.title, pointer=pointer_to(path))
    if isinstance(value, dict | list):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, dict | list | Fault) or (isinstance(item, str) and not item.isascii()):
                _refuse_fault(item, [*path, step])


def _whole_number(digits: str) -> Any:
    if len(digits) > 1 + _MOST_DIGITS:  # Python refuses to read very many
        return _TOO_LARGE
    number = int(digits)
    return number if _LEAST <= number <= _MOST else _TOO_LARGE


def _double(digits: str) -> Any:
    number = float(digits)
    return _BEYOND_DOUBLE if math.isinf(number) else number


def _no_constant(name: str) -> Any:
    raise MalformedJson(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> Any:
    members = dict(pairs)
    if not all(name.isascii() or _HALF.search(name) is None for name in members):
        return _SURROGATE
    return members if len(members) == len(pairs) else _REPEATED


def _count_names(value: Any) -> int:
    """How many names the objects in it have."""
    found, inner = (len(value), value.values()) if isinstance(value, dict) else (0, value)
    if isinstance(value, dict | list):
        for item in inner:
            if type(item) is dict or type(item) is list:  # the parser makes no others; most items are neither
                found += _count_names(item)
    return found


def may_hold_nul(raw: bytes) -> bool:
    return b"\\u0000" in raw


def check_storable(value: Any, *, nul: bool = True) -> None:
    """Refuse a part of some JSON that can't be stored; `nul` False: there is none, as `may_hold_nul` found.

    Raises:
        Problem: 422, it has a NUL character or is nested deeper than `MAX_DEPTH`.
    """
    _refuse_depth(value)
    if nul:
        _refuse_nul(value, [])


def _refuse_nul(value: Any, path: list[str | int]) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise nul_refused(pointer_to(path))
    elif isinstance(value, dict):
        for key, item in value.items():
            if "\0" in key:
                raise nul_refused(pointer_to(path))
            _refuse_nul(item, [*path, key])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_nul(item, [*path, index])


def nul_refused(pointer: str | None = None, parameter: str | None = None, status: int = 422) -> Problem:
    where = f" in {parameter}" if parameter else ""
    return Problem(status, "nul-character", "Text holds no NUL characters.", f"There is a NUL{where}.", pointer=pointer)


_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(code for code in range(256) if code not in b"[]{}")
_NO_SIGNS: Final = bytes(code for code in range(256) if code not in b'[]{},"')


def _outside_strings(raw: bytes, max_values: int) -> bytes:
    """The brackets and commas of JSON outside its strings, by a few passes in C over all of it.

    Raises the 413 problem for too many strings.
    """
    unescaped = raw.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_SIGNS)
    if unescaped.count(b'"') > 4 * max_values:  # two a string; a value has a key at most
        raise _too_many_values(max_values)
    return b"".join(unescaped.split(b'"')[::2])


def _refuse_count(raw: bytes, max_values: int) -> None:
    if len(raw) < max_values or raw.count(b"[") + raw.count(b"{") + raw.count(b",") < max_values:
        return
    outside = _outside_strings(raw, max_values)
    if outside.count(b"[") + outside.count(b"{") + outside.count(b",") >= max_values:
        raise _too_many_values(max_values)


def _too_many_values(max_values: int) -> Problem:
    return Problem(413, "too-many-values", "JSON may hold only so many values.", f"At most {max_values} in all.")


def _refuse_depth_of(outside: bytes) -> None:
    """Take away the innermost lists and objects, level by level."""
    brackets = outside.translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return
    raise _too_deep()


def _too_deep() -> Problem:
    return Problem(422, "nested-too-deep", "JSON may be nested only so deep.", f"At most {MAX_DEPTH} levels.")


def _refuse_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _too_deep()
