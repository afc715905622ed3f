"""The databases as the last release left them, filled by a run of the suite; `python -m tests.support.last_release` makes
them, from a checkout of that release.

What they hold: a project of real sentences in several scripts, with a champion that learnt from them, finalized records,
a contradicted label, a release, gold, one record with half its annotations, one that is leased, and events of ingest that
were committed and not sent. Beside them stand the statements of that release's code.
"""

# ruff: noqa: RUF001  other scripts have letters that look like Latin ones
import asyncio
import itertools
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import asyncpg

from deploy.demo.client import Client
from deploy.embedded.postgres import find_binaries
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.services import SERVICE_NAMES
from tests.support.constant_statements import statements_of, statements_of_kit
from tests.support.loop import CROWD, Loop, open_project
from tests.support.waiting import until

FOLDER: Final = Path(__file__).resolve().parents[1] / "releases"
REVISION: Final = "0001"
"""The newest revision of each service in that release."""

NOVELS: Final = (
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.",
    "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, …",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness",
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo",
    "Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett verwandelt.",
    "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient si vite",
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "滿紙荒唐言，一把辛酸淚！都云作者痴，誰解其中味？",
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do:\n\t“what is the use of a book,” thought Alice, “without pictures or conversations?”",
    "There was no possibility of taking a walk that day. We had been wandering, indeed, in the leafless shrubbery",
    "Mr. Sherlock Holmes, who was usually very late in the mornings, was seated at the breakfast table.",
)
LAWS: Final = (
    "All human beings are born free and equal in dignity and rights.",
    "Everyone has the right to life, liberty and security of person.",
    "No one shall be held in slavery or servitude; slavery and the slave trade shall be prohibited in all their forms.",
    "Toda persona tiene derecho a la libertad de pensamiento, de conciencia y de religión",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne.",
    "Каждый человек имеет право на жизнь, на свободу и на личную неприкосновенность.",
    "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "人人生而自由,在尊严和权利上一律平等。",
    "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "Congress shall make no law respecting an establishment of religion, or prohibiting the free exercise thereof;",
    "§ 1. Die Rechtsfähigkeit des Menschen beginnt mit der Vollendung der Geburt.",
)
LATER: Final = ("Emma Woodhouse, handsome, clever, and rich 🙂", "Everyone has the right to recognition everywhere")
HALF: Final = "No one shall be subjected to torture or to cruel, inhuman or degrading treatment or punishment."
LEASED: Final = "Stately, plump Buck Mulligan came from the stairhead, bearing a bowl of lather"
UNSENT: Final = (
    "Ships at a distance have every man’s wish on board. \\x00 \\ ' \" %s ${x} \u2028 ½",
    "All are equal before the law and are entitled without any discrimination to equal protection of the law.",
)
_LAWS_LATER: Final = {LATER[1], HALF, UNSENT[1]}
PROJECT: Final = {
    "name": "Novels and laws",
    "schema": {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "source", "kind": "choice", "labels": ["novel", "law"]}],
    },
    "guideline": "Is it from a novel or from a law?",
    "policies": {
        "split": {"train": 0.55, "validation": 0.3, "test": 0.15},
        "redundancy": {"without_model": 2, "with_model": 2, "held_out": 2, "maximum": 3, "posterior_target": 0.9},
        "learning": {"cold_start": 8, "batch_size": 6, "random_share": 0.2, "promotion_held_out": 2},
        "auto_accept": {"enabled": False},
        "gold": {"entry_test": 0, "share": 0.0},
        "serving": {"lease_ttl_s": 3600, "blind_share": 0.0},
    },
}


def source_of(text: str) -> str:
    """The right answer, also of what masking has changed."""
    return "law" if any(text.startswith(law[:16]) for law in (*LAWS, *_LAWS_LATER)) else "novel"


async def restore(url: str, service: str) -> None:
    """Fill an empty database with what the last release left of the service."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute((FOLDER / REVISION / f"{service}.sql").read_text())
    finally:
        await connection.close()


def statements(service: str) -> list[tuple[str, str]]:
    """(where, SQL) of the constant statements that the release's code has for the service's database, the kit's included."""
    return [
        (each["where"], each["sql"])
        for name in (service, "kit")
        for each in json.loads((FOLDER / REVISION / "statements" / f"{name}.json").read_text())
    ]


def restore_objects(folder: Path) -> None:
    shutil.copytree(FOLDER / REVISION / "objects", folder, dirs_exist_ok=True)


async def _fill(loop: Loop, suite: Suite) -> None:
    mixed = [text for pair in zip(NOVELS, LAWS, strict=True) for text in pair]
    records = await loop.send(*mixed)

    async def promoted() -> bool:
        await loop.answer_everything(*CROWD, "eve")
        models = (await loop.call("prelabel", "GET", f"/projects/{loop.project_id}/models"))["items"]
        if models and await loop.champion() is None:
            await loop.call(
                "prelabel", "POST", f"/models/{models[0]['model_id']}/promotion", body={"reason": "It is the first."}
            )
        return await loop.champion() is not None

    await until(promoted, 120)
    records += await loop.send(*LATER)

    async def labelled() -> bool:
        await loop.answer_everything(*CROWD, "eve")
        return all([await loop.label(record) is not None for record in records])

    await until(labelled, 60)
    gold = {"answers": {"source": {"label": "law"}}}
    await loop.call("qa", "PUT", f"/projects/{loop.project_id}/records/{records[1]}/gold", body=gold)
    report = {"record_id": records[0], "verdict": "corrected", "correction": {"source": {"label": "law"}}}
    path = f"/projects/{loop.project_id}/feedback"
    await loop.call("ingest", "POST", path, loop.product, body={"feedback": [report]})
    release = await loop.call("qa", "POST", f"/projects/{loop.project_id}/releases", body={"name": "first"})

    async def published() -> bool:
        found = await loop.call("qa", "GET", f"/releases/{release['release_id']}")
        return bool(found["status"] == "published")

    await until(published, 30)
    (half,) = await loop.send(HALF)
    subject, lease = await loop.served(half, CROWD)
    await loop.submit(subject, lease, "law")
    (leased,) = await loop.send(LEASED)
    await loop.served(leased, (subject,))
    await asyncio.sleep(3)
    administration = await asyncpg.connect(suite.postgres.url("postgres"))
    await administration.execute("ALTER DATABASE touchstone_bus ALLOW_CONNECTIONS false")
    await administration.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'touchstone_bus'"
    )
    await loop.send(*UNSENT)
    await administration.close()


def _dump(url: str) -> str:
    """Schema and data as SQL; what only psql understands, and what differs between two runs for nothing, is left out."""
    command = [str(find_binaries() / "pg_dump"), "--no-owner", "--inserts", "--rows-per-insert=100", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = (line for line in text.split("\n") if not re.match(r"--|\\(un)?restrict|SET transaction_timeout", line))
    return "\n".join(line for line, _ in itertools.groupby(kept)) + "\n"


def _write_statements(folder: Path) -> None:
    folder.mkdir()
    for name in ("kit", *SERVICE_NAMES):
        each = statements_of_kit() if name == "kit" else statements_of(name)
        rows = [{"where": where, "sql": sql} for where, sql in each]
        (folder / f"{name}.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


async def make() -> None:
    target = FOLDER / REVISION
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    _write_statements(target / "statements")
    with tempfile.TemporaryDirectory() as folder:
        settings = SuiteSettings(data_dir=Path(folder) / "data", first_port=0, durable=False)
        async with Suite(settings) as suite, Client(suite.urls) as client:
            loop = await open_project(client, suite, PROJECT, "source", source_of)
            await _fill(loop, suite)
            await asyncio.gather(*(service.stop() for service in suite.services.values()))
            for service in SERVICE_NAMES:
                (target / f"{service}.sql").write_text(_dump(suite.database_url(service)))
            shutil.copytree(Path(folder) / "data" / "objects", target / "objects")


if __name__ == "__main__":
    asyncio.run(make())
