"""What masking costs grows with the text only, for each recogniser, and tables cost little more than prose."""

import json
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import pytest

from shared.contracts.personal_data import RECOGNISERS, Recogniser, deidentify
from shared.contracts.personal_data.folding import shape_of
from tests.support.left_out import NOT_BESIDE

MEASURED = Path(__file__).parents[3].parent / "shared" / "data" / "pii" / "presidio_synth_v2.json"
CHARACTERS = 400_000
REPEATS = 5


def _filled(piece: Callable[[], str]) -> str:
    parts, length = list[str](), 0
    while length < CHARACTERS:
        parts.append(piece())
        length += len(parts[-1])
    return "".join(parts)[:CHARACTERS]


def _fastest_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """CPU seconds at best: what else the machine does only adds to them."""
    seconds = list[float]()
    for _ in range(repeats):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


@pytest.mark.skipif(not MEASURED.exists(), reason=f"the set of measured texts {NOT_BESIDE}")
def test_tables_of_small_numbers_take_at_most_three_times_as_long_as_prose() -> None:
    rng = random.Random(1)
    texts = [item["full_text"] for item in json.loads(MEASURED.read_text(encoding="utf-8"))]

    def digits(count: int) -> str:
        return "".join(rng.choices("0123456789", k=count))

    tables = {
        "numbers": _filled(lambda: f"{rng.randrange(999)} "),
        "one digit": "1 " * (CHARACTERS // 2),
        "rows": _filled(lambda: f"row {rng.randrange(9_999)}: {digits(5)} {digits(4)}\n"),
        "tabs": _filled(lambda: "\t".join(digits(rng.randrange(1, 7)) for _ in range(8)) + "\n"),
        "commas": _filled(lambda: ",".join(digits(rng.randrange(1, 7)) for _ in range(8)) + "\n"),
        "decimals": _filled(lambda: f"{rng.random():.4f} {rng.random() * 1_000:.2f}\n"),
    }
    prose = _filled(lambda: f"{rng.choice(texts)}\n")
    prose_s = _fastest_s(lambda: deidentify(prose))
    slow = {name: _fastest_s(lambda: deidentify(table)) / prose_s for name, table in tables.items()}  # noqa: B023
    assert {name: round(ratio, 2) for name, ratio in slow.items() if ratio > 3} == {}


SHORT = 6_000
GROWTH = 1.2
ATTEMPTS = 120
ENOUGH = {1, 5, 15, 30, 60, 120}
"""After so many rounds it is looked whether the middle of them grows with the text only."""
TOO_SHORT_TO_TIME_S = 0.003
PIECES = (
    "a", "a@", "a@a.", "a.", "@", "a (at) a dot ", " at ", "&#64;", "%40", "://", "http://a:b@c ", "&key=", "=", "?token=a",
    "1.1.1.1 ", "1.", "::", "a:", "GB82", "DE89 3704 0044 0532 ", "1", "1 ", "0 ", "12 ", "123 ", "4111 ", "4111 1111 1111 1111 ",
    "01234 567890 ", "555 010 9999 ", "+49 30 901820 ", "(", "+", "call 12345678 ", "460-89-9847 ", "\n", " ", "-", "12,345\t",
    "eyJ", "eyJ-", "eyJaaaaaaaaaaaa.", "AKIA", "bearer ", "bearer a", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----a", "secret_key=",
    "00:1a:", "mac 00:", "ssn ", "ssn 460", "4111\n", "a@\n", "%40a%2E", "[PHONE] ", "lot 0012345678 ",
    "2024-05-17 10:30:11,417\n", "row: 12345 6789\n",
    "sk-", "sk-a", "sk-a1-", "SG.aaaaaaaaaaaaaaaa.", "ya29.", "password:", "password=a", "password=a1", "api_key=", "api_key=a", "session:",
    "_at_a_dot_", "-at-", "a-dot-", "a@a . ", "a . ", "a@a[dot]", "(\u00e4t) a (punkt) ", "+1 ", "+1\t", "+1_", "+1\n1", "+12 345 678 ",
    "1[.]", "1 . ", "ip:", "a:1:", "aa 00 ", "DE 89 ", "DE89\t3704\t", "GB82, ", "4111:", "4111 | ", "4111\n\n", "ss# ", "s.s.n. 460 - ",
)  # fmt: skip


@pytest.mark.parametrize("recogniser", RECOGNISERS, ids=lambda recogniser: type(recogniser).__name__)
def test_four_and_sixteen_times_the_text_take_four_and_sixteen_times_as_long(recogniser: Recogniser) -> None:
    def search(text: str, times: int) -> None:
        for _ in range(times):
            recogniser.concerns(shape_of(text))
            for _ in recogniser.find(text):
                pass

    slow = {}
    for piece in PIECES:
        # The same characters in sixteen texts, in four and in one, one after the other: each round is a pair of its own,
        # and the middle of the rounds is what neither a fast moment nor a slow one of the machine decides.
        texts = [((piece * (SHORT * times // len(piece) + 1))[: SHORT * times], 16 // times) for times in (1, 4, 16)]
        growths = list[float]()
        while len(growths) < ATTEMPTS:
            short, longer, longest = (_fastest_s(partial(search, *text), 1) for text in texts)
            growths.append(max(longer, longest) / short)
            if longest < TOO_SHORT_TO_TIME_S or (len(growths) in ENOUGH and median(growths) <= GROWTH):
                break
        else:
            slow[piece] = median(growths)
    assert slow == {}
