"""A release proves its labels to whoever has it: `touchstone verify-lineage` finds every kind of forgery."""

import hashlib
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from deploy.lineage.command import EXIT_CODES
from services.qa.domain import lineage
from services.qa.domain.merkle import MerkleTree
from services.qa.domain.release_lineage import LineageFault
from services.qa.domain.seals import release_signed_bytes, seal_hash, signed_bytes
from shared.contracts.events import ChainSealed
from shared.contracts.values import Role, Split
from shared.kit.signatures import PublicKey, SigningKey
from tests.service.qa.world import World, animal
from tests.support import postgres
from tests.support.service import service_under_test

FORGER = SigningKey(hashlib.sha256(b"somebody else's key").digest())


async def downloaded(world: World, folder: Path, name: str = "first", **options: Any) -> Path:
    """Make a release, and download all of its files into a folder."""
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": name, **options}, 202)
    await world.service.run_jobs()
    found = await world.get(f"/releases/{made['release_id']}")
    assert found["status"] == "published", found
    target = folder / name
    target.mkdir()
    for one in found["files"]:
        answer = await world.service.client.get(one["url"])
        assert answer.status_code == 200
        (target / one["name"]).write_bytes(answer.content)
    return target


def verified(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["verify-lineage", *map(str, arguments)])


@pytest.fixture
async def release(world: World, tmp_path: Path) -> Path:
    """A release of three labels under two seals: one in its second revision, one once gold, one plain."""
    revised = await world.finalized("cat")
    await world.deliver(world.feedback(revised, "dog"), world.unservable(revised, number=2))
    await world.deliver(world.decided(revised, "dog", number=2))
    once_gold = await world.open_record(Split.TEST)
    await world.put(f"/projects/{world.project_id}/records/{once_gold}/gold", {"answers": animal("cat")})
    await world.delete(f"/projects/{world.project_id}/records/{once_gold}/gold")
    await world.deliver(*(world.annotated(once_gold, "cat", slot=slot) for slot in (1, 2)))
    await world.service.run_loop("seal")
    await world.finalized("bird")
    return await downloaded(world, tmp_path)


@pytest.fixture
async def keys(world: World, tmp_path: Path) -> Path:
    """What `GET /v1/seal-keys` answers, in a file."""
    path = tmp_path / "keys.json"
    path.write_bytes(orjson.dumps(await world.get("/seal-keys")))
    return path


def read_lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def write_lines(path: Path, content: list[Any]) -> None:
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in content))


def resign(release: Path, key: SigningKey = FORGER) -> None:
    """State the files' hashes in the manifest anew and sign it, as who has no key of qa could."""
    manifest = orjson.loads((release / "manifest.json").read_bytes())
    for one in [*manifest["files"], *manifest["lineage"]["files"], manifest["lineage"]["seals"]]:
        content = (release / one["name"]).read_bytes()
        one["bytes"], one["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    manifest["lineage"]["keys"] = [{"key_id": key.public.key_id, "algorithm": "Ed25519", "public_key": key.public.hex}]
    document = orjson.dumps(manifest)
    (release / "manifest.json").write_bytes(document)
    digest = hashlib.sha256(document).digest()
    signed = {
        "manifest_sha256": digest.hex(),
        "key_id": key.public.key_id,
        "signature": key.sign(release_signed_bytes(digest)).hex(),
    }
    (release / "signature.json").write_bytes(orjson.dumps(signed))


def a_label(release: Path) -> None:
    lines = read_lines(release / "train.jsonl")
    lines[0]["answers"] = animal("fish")
    write_lines(release / "train.jsonl", lines)


def what_is_said_of_a_label(release: Path) -> None:
    lines = read_lines(release / "train.jsonl")
    lines[0]["label"]["method"] = "auto_accept"
    write_lines(release / "train.jsonl", lines)


def something_else_for_a_label(release: Path) -> None:
    lines = read_lines(release / "train.jsonl")
    lines[0] |= {"label": "cat", "answers": 7}
    write_lines(release / "train.jsonl", lines)


def of_lineage(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def changed(release: Path) -> None:
        lines = read_lines(release / "train.lineage.jsonl")
        change(lines[0])
        write_lines(release / "train.lineage.jsonl", lines)

    return changed


def an_entry(line: dict[str, Any]) -> None:
    line["entries"][0]["metadata"] = line["entries"][0]["metadata"].replace("consensus", "decision")


def a_key(line: dict[str, Any]) -> None:
    line["key"] = "00" * 32


def a_left_out_entry(line: dict[str, Any]) -> None:
    line["entries"].pop(0)


def a_proof(line: dict[str, Any]) -> None:
    line["proof"][0] = "00" * 32


def no_more_lineage(line: dict[str, Any]) -> None:
    del line["proof"]


def of_seals(**change: Any) -> Callable[[Path], None]:
    def changed(release: Path) -> None:
        seals = read_lines(release / "seals.jsonl")
        seals[0] |= change
        write_lines(release / "seals.jsonl", seals)

    return changed


def a_left_out_seal(release: Path) -> None:
    write_lines(release / "seals.jsonl", read_lines(release / "seals.jsonl")[1:])


def a_swapped_key(release: Path) -> None:
    manifest = orjson.loads((release / "manifest.json").read_bytes())
    manifest["lineage"]["keys"][0]["public_key"] = FORGER.public.hex
    (release / "manifest.json").write_bytes(orjson.dumps(manifest))


def a_missing_label(release: Path) -> None:
    write_lines(release / "train.jsonl", read_lines(release / "train.jsonl")[1:])


def a_missing_line_of_both(release: Path) -> None:
    for name in ("train.jsonl", "train.lineage.jsonl"):
        write_lines(release / name, read_lines(release / name)[1:])


def a_doubled_label(release: Path) -> None:
    lines = read_lines(release / "train.jsonl")
    write_lines(release / "train.jsonl", [lines[0], *lines])


def a_doubled_line_of_lineage(release: Path) -> None:
    lines = read_lines(release / "train.lineage.jsonl")
    write_lines(release / "train.lineage.jsonl", [lines[0], *lines])


def a_line_that_is_none(release: Path) -> None:
    with (release / "train.jsonl").open("ab") as file:
        file.write(b"[1]\n{}\nnothing\n")


def the_fields_of_a_record(release: Path) -> None:
    lines = read_lines(release / "train.jsonl")
    lines[0]["fields"] = {"text": "Something else."}
    write_lines(release / "train.jsonl", lines)


def the_manifest(release: Path) -> None:
    path = release / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"Animals"', b'"Plants"'))


def no_signature(release: Path) -> None:
    (release / "signature.json").unlink()


def no_file(release: Path) -> None:
    (release / "test.jsonl").unlink()
    (release / "test.lineage.jsonl").unlink()


FORGERIES: list[tuple[Callable[[Path], None], LineageFault, str]] = [
    (a_label, LineageFault.LABEL, "the answers are not those that the chain commits to"),
    (what_is_said_of_a_label, LineageFault.LABEL, "differs from its chain entry in method"),
    (something_else_for_a_label, LineageFault.LABEL, "differs from its chain entry in label_revision"),
    (of_lineage(a_key), LineageFault.LABEL, "the answers are not those that the chain commits to"),
    (of_lineage(an_entry), LineageFault.ENTRY, "chain entry 0 does not have the hash"),
    (of_lineage(a_left_out_entry), LineageFault.ENTRY, "chain entry 1 does not have the hash"),
    (of_lineage(no_more_lineage), LineageFault.ENTRY, "its lineage can't be read"),
    (of_lineage(a_proof), LineageFault.PROOF, "does not lead to the root of seal 1"),
    (of_seals(root="00" * 32), LineageFault.SEAL, "seal 1: its root, time or count are not those of its hash"),
    (of_seals(sealed_at="2020-01-01T00:00:00Z"), LineageFault.SEAL, "seal 1: its root, time"),
    (of_seals(number="one"), LineageFault.SEAL, "line 1 of seals.jsonl is no seal"),
    (a_left_out_seal, LineageFault.SEAL, "seal 2: it follows seal 0"),
    (a_swapped_key, LineageFault.KEY, "has not the id"),
    (of_seals(key_id=FORGER.public.key_id), LineageFault.KEY, f"seal 1: key {FORGER.public.key_id} is not among"),
    (of_seals(signature="00" * 64), LineageFault.SIGNATURE, "seal 1: the signature is not one of key"),
    (a_missing_label, LineageFault.LINE, "it has lineage, but no label"),
    (a_missing_line_of_both, LineageFault.LINE, "1 labels with lineage, and the manifest states 2"),
    (a_doubled_label, LineageFault.LINE, "it stands there twice, line 2 of train.jsonl"),
    (a_doubled_line_of_lineage, LineageFault.LINE, "it stands there twice, line 2 of train.lineage.jsonl"),
    (a_line_that_is_none, LineageFault.LINE, "line 3 of train.jsonl is none of a record"),
    (the_manifest, LineageFault.MANIFEST, "manifest.json is not the one that was signed"),
    (no_signature, LineageFault.MANIFEST, "signature.json is missing"),
    (the_fields_of_a_record, LineageFault.FILE, "train.jsonl does not have the size and SHA-256"),
]


async def test_a_release_verifies_by_itself(release: Path, keys: Path) -> None:
    shown = verified(release, "--public-key", keys)
    assert shown.exit_code == 0, shown.output
    assert "3 labels and 2 seals verify" in shown.output
    assert "The keys are the release's own" not in shown.output
    shown = verified(release)
    assert shown.exit_code == 0
    assert "The keys are the release's own" in shown.output


def archived(release: Path) -> list[Path]:
    """The release as a zip and as a tar archive."""
    in_zip, in_tar = release.with_suffix(".zip"), release.with_suffix(".tar.gz")
    with zipfile.ZipFile(in_zip, "w") as archive:
        for path in release.iterdir():
            archive.write(path, f"first/{path.name}")
    with tarfile.open(in_tar, "w:gz") as archive_of_tar:
        archive_of_tar.add(release, "first")
    return [in_zip, in_tar]


def only_key(keys: Path) -> Path:
    """The key as 64 digits in a file of its own."""
    path = keys.with_suffix(".txt")
    path.write_text(orjson.loads(keys.read_bytes())["keys"][0]["public_key"] + "\n")
    return path


async def test_it_verifies_in_an_archive_and_by_a_key_alone(release: Path, keys: Path) -> None:
    key = only_key(keys)
    for path in (*archived(release), release / "manifest.json"):
        shown = verified(path, "--public-key", key)
        assert (shown.exit_code, "3 labels" in shown.output) == (0, True), shown.output


async def test_every_forgery_is_named_and_ends_with_its_code(release: Path, keys: Path, tmp_path: Path) -> None:
    for number, (forge, kind, words) in enumerate(FORGERIES):
        forged = shutil.copytree(release, tmp_path / f"forged-{number}")
        forge(forged)
        shown = verified(forged) if forge is a_swapped_key else verified(forged, "--public-key", keys)
        assert words in shown.output, (forge, shown.output)
        assert "REFUSED" in shown.output
        assert shown.exit_code == EXIT_CODES[kind], (forge, shown.output)


async def test_missing_files_are_refused(release: Path, keys: Path) -> None:
    no_file(release)
    shown = verified(release, "--public-key", keys)
    assert shown.exit_code == EXIT_CODES[LineageFault.LINE], shown.output
    assert "test.jsonl is missing" in shown.output


async def test_who_signs_everything_anew_is_found_by_the_pinned_key(release: Path, keys: Path) -> None:
    previous = bytes(32)
    seals = read_lines(release / "seals.jsonl")
    project_id = UUID(orjson.loads((release / "manifest.json").read_bytes())["project_id"])
    for one in seals:
        made = ChainSealed.model_validate(one)
        hashed = seal_hash(
            project_id=project_id,
            number=made.number,
            leaves=made.leaves,
            root=bytes.fromhex(made.root),
            previous=previous,
            sealed_at=made.sealed_at,
        )
        one |= {"previous": previous.hex(), "hash": hashed.hex(), "key_id": FORGER.public.key_id}
        one["signature"] = FORGER.sign(signed_bytes(hashed)).hex()
        previous = hashed
    write_lines(release / "seals.jsonl", seals)
    resign(release)
    assert verified(release).exit_code == 0, "it is whole in itself, and says whose keys these are"
    shown = verified(release, "--public-key", keys)
    assert shown.exit_code == EXIT_CODES[LineageFault.KEY], shown.output
    assert f"key {FORGER.public.key_id} is not among the public keys that were given" in shown.output


async def test_a_release_goes_on_from_the_one_before(world: World, release: Path, keys: Path, tmp_path: Path) -> None:
    await world.finalized("fish")
    second = await downloaded(world, tmp_path, "second")
    assert verified(second, "--previous", release, "--public-key", keys).exit_code == 0
    shown = verified(release, "--previous", second, "--public-key", keys)
    assert shown.exit_code == EXIT_CODES[LineageFault.CONTINUITY]
    assert "seal 3 is another one than in the previous release" in shown.output


async def test_the_document_gives_commands_and_codes_that_are_true(
    world: World, release: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = (Path(__file__).parents[3] / "docs" / "verify-a-release.md").read_text()
    monkeypatch.chdir(tmp_path)
    shutil.move(release, tmp_path / "earlier-release")
    await downloaded(world, tmp_path, "release")
    commands = re.findall(r"^touchstone verify-lineage (.+)$", document, re.MULTILINE)
    (option,) = re.findall(r"^`(--previous [\w-]+)`", document, re.MULTILINE)
    assert commands == ["release --public-key keys.json"]
    for command in (commands[0], f"{commands[0]} {option}"):
        shown = verified(*command.split())
        assert shown.exit_code == 0, shown.output
    codes = re.findall(r"^\| (\d+) \| `(\w+)` \|", document, re.MULTILINE)
    assert codes == [(str(code), str(kind)) for kind, code in EXIT_CODES.items()]


async def test_what_is_no_release_is_said_to_be_none(release: Path, tmp_path: Path) -> None:
    for path, words in ((tmp_path, "There is no manifest.json"), (release / "train.jsonl", "neither a folder")):
        shown = verified(path)
        assert (shown.exit_code, words in shown.output) == (1, True), shown.output
    (release / "manifest.json").write_text("{}")
    assert "names no lineage" in verified(release).output
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("nothing")
    assert "holds no public keys" in verified(release, "--public-key", wrong).output


async def test_lineage_names_nobody_who_placed_gold(release: Path) -> None:
    (line,) = read_lines(release / "test.lineage.jsonl")
    kinds = [orjson.loads(one["metadata"])["kind"] for one in line["entries"]]
    assert kinds == ["gold_withdrawn", "label"]
    assert "placed_by" not in (release / "test.lineage.jsonl").read_text()


async def test_seals_are_published_and_their_keys_served(world: World) -> None:
    await world.finalized("cat")
    await world.service.run_loop("seal")
    (published,) = await world.published(ChainSealed)
    (listed,) = (await world.get(f"/projects/{world.project_id}/seals"))["items"]
    assert ChainSealed.model_validate(listed) == published
    (key,) = (await world.get("/seal-keys"))["keys"]
    assert (key["key_id"], key["signs"]) == (published.key_id, True)
    message = signed_bytes(bytes.fromhex(published.hash))
    assert PublicKey.parse(key["public_key"]).verifies(bytes.fromhex(published.signature), message)


async def rewrite_history(world: World, record_id: UUID) -> None:
    """Make another label of a record, and compute everything anew that stands on it, as who has the database can."""
    async with world.service.database.transaction() as session:
        connection = session.raw
        salt = await connection.fetchval("SELECT salt FROM records WHERE record_id = $1", record_id)
        text = await connection.fetchval("SELECT text_to_hash FROM chain_links WHERE record_id = $1", record_id)
        key = lineage.commitment_key(salt, orjson.loads(text))
        commitment = lineage.commit(key, animal("fish"))
        head = lineage.link_hash(lineage.GENESIS, text.encode(), commitment)
        seal = await connection.fetchrow("SELECT * FROM signed_seals WHERE project_id = $1", world.project_id)
        tree = MerkleTree([head])
        hashed = seal_hash(
            project_id=world.project_id,
            number=1,
            leaves=1,
            root=tree.root,
            previous=seal["previous"],
            sealed_at=seal["sealed_at"],
        )
        await connection.execute(
            "UPDATE labels SET answers = $2 WHERE record_id = $1", record_id, orjson.dumps(animal("fish")).decode()
        )
        await connection.execute(
            "UPDATE chain_links SET content_hmac = $2, hash = $3 WHERE record_id = $1", record_id, commitment, head
        )
        await connection.execute("UPDATE records SET chain_head = $2 WHERE record_id = $1", record_id, head)
        await connection.execute(
            "UPDATE signed_seals SET root = $2, hash = $3 WHERE project_id = $1", world.project_id, tree.root, hashed
        )


async def test_who_has_the_database_but_not_the_key_forges_no_root(world: World, tmp_path: Path) -> None:
    record_id = await world.finalized("cat")
    await world.service.run_loop("seal")
    await rewrite_history(world, record_id)
    chain = (await world.lineage(record_id))["chain"]
    assert (chain["verified"], chain["sealed"]) == (True, 0), "the chain holds together, and no signature covers it"
    forged = await downloaded(world, tmp_path)
    assert read_lines(forged / "train.jsonl")[0]["answers"] == animal("fish")
    shown = verified(forged)
    assert "seal 1: the signature is not one of key" in shown.output
    assert shown.exit_code == EXIT_CODES[LineageFault.SIGNATURE], shown.output


async def test_nothing_is_sealed_on_a_forged_root(world: World) -> None:
    record_id = await world.finalized("cat")
    await world.service.run_loop("seal")
    await rewrite_history(world, record_id)
    await world.finalized("dog")
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "forged"}, 202)
    await world.service.run_jobs()
    await world.service.run_loop("supersede_releases")
    found = await world.get(f"/releases/{made['release_id']}")
    assert found["status"] == "failed"
    assert "Seal 1 of project" in found["status_reason"]
    assert len((await world.get(f"/projects/{world.project_id}/seals"))["items"]) == 1
    async with world.service.database.transaction() as session:  # the loop of other tests goes on
        await session.raw.execute("DELETE FROM chain_links WHERE project_id = $1", world.project_id)


async def test_a_label_that_is_in_no_chain_is_not_released(world: World) -> None:
    record_id = await world.finalized("cat")
    async with world.service.database.transaction() as session:
        await session.raw.execute("DELETE FROM chain_links WHERE record_id = $1", record_id)
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "unchained"}, 202)
    await world.service.run_jobs()
    await world.service.run_loop("supersede_releases")
    found = await world.get(f"/releases/{made['release_id']}")
    assert f"The label of record {record_id} is not in the record's chain." in found["status_reason"]


async def test_a_new_key_signs_and_the_old_one_still_verifies(tmp_path: Path) -> None:
    url = postgres.migrated_database("qa")
    old, new = SigningKey(b"o" * 32), SigningKey(b"n" * 32)
    try:
        async with service_under_test("qa", database_url=url, seal_key=(b"o" * 32).hex()) as service:
            world = World(service)
            await world.deliver(world.project())
            await world.finalized("cat")
            await service.run_loop("seal")
        rotated: dict[str, Any] = {"seal_key": (b"n" * 32).hex(), "seal_public_keys": [old.public.hex]}
        async with service_under_test("qa", database_url=url, **rotated) as service:
            world = World(service, project_id=world.project_id, revisions=world.revisions, now=world.now)
            await world.finalized("dog")
            release = await downloaded(world, tmp_path)
            assert {one["signs"] for one in (await world.get("/seal-keys"))["keys"]} == {True, False}
        shown = verified(release)
        assert shown.exit_code == 0, shown.output
        assert all(one.public.key_id in shown.output for one in (old, new))
        async with service_under_test("qa", database_url=url, seal_key=(b"x" * 32).hex()) as service:
            world = World(service, project_id=world.project_id, revisions=world.revisions, now=world.now)
            await world.finalized("dog")
            with pytest.raises(Exception, match=f"its key {new.public.key_id} is not known"):
                await service.run_loop("seal")
    finally:
        postgres.drop_database(url)


async def test_gold_is_released_where_it_is_asked_for_and_given_to_who_may_see_it(world: World, tmp_path: Path) -> None:
    plain, gold, other = await world.finalized("cat"), await world.finalized("dog"), await world.finalized("dog")
    for record_id in (gold, other):
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": animal("bird")})
    without = await downloaded(world, tmp_path, "without")
    assert not (without / "gold.jsonl").exists()
    release = await downloaded(world, tmp_path, "with", include_gold=True)
    lines = read_lines(release / "gold.jsonl")
    assert [(one["record_id"], one["gold"], one["answers"]) for one in lines] == [
        (str(gold), True, animal("bird")),
        (str(other), True, animal("bird")),
    ]
    assert [one["record_id"] for one in read_lines(release / "train.jsonl")] == [str(plain)]
    manifest = orjson.loads((release / "manifest.json").read_bytes())
    assert manifest["gold"]["released"]["records"] == 2
    assert sum(manifest["counts"]["by_split"].values()) == 1
    shown = verified(release)
    assert shown.exit_code == 0, shown.output

    found = await world.get(f"/projects/{world.project_id}/releases")
    path = f"/v1/releases/{found['items'][-1]['release_id']}"
    for role, given in ((Role.TRAINER, False), (Role.AUDITOR, True)):
        answer = await world.service.client.get(path, headers=world.headers(role))
        assert ("gold.jsonl" in [one["name"] for one in answer.json()["files"]]) is given
    (release / "gold.jsonl").unlink()
    assert verified(release).exit_code == 0, "a trainer has it without the gold"


async def test_erasure_of_gold_supersedes_the_release_that_holds_it(world: World) -> None:
    gold, kept = await world.finalized("cat"), await world.finalized("dog")
    await world.finalized("cat")
    for record_id in (gold, kept):
        await world.put(f"/projects/{world.project_id}/records/{record_id}/gold", {"answers": animal("cat")})
    made = await world.post(f"/projects/{world.project_id}/releases", {"name": "golden", "include_gold": True}, 202)
    await world.service.run_jobs()
    later = await world.finalized("cat")
    await world.put(f"/projects/{world.project_id}/records/{later}/gold", {"answers": animal("cat")})
    await world.deliver(world.erased(gold))
    await world.service.run_loop("supersede_releases")
    await world.service.run_jobs()
    old = await world.get(f"/releases/{made['release_id']}")
    assert (old["status"], old["files"]) == ("superseded", [])
    new = await world.get(f"/releases/{old['superseded_by']}")
    (url,) = [one["url"] for one in new["files"] if one["name"] == "gold.jsonl"]
    content = (await world.service.client.get(url)).content
    assert [orjson.loads(line)["record_id"] for line in content.splitlines()] == [str(kept)]
