"""Nothing is forgotten but by right: the chain holds, also after erasure."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from services.qa.domain.lineage import (
    GENESIS,
    OWN_KEY,
    ChainLink,
    canonical,
    commit,
    commitment_key,
    link,
    verify_chain,
)
from services.qa.domain.merkle import MerkleTree, hashes_of, verify_proof

SALT = b"a record's own random salt"
CONTENTS: list[JsonValue] = [{"label": "3"}, {"label": "8"}, {"label": "3", "reason": "closed loop"}]


def chain() -> list[ChainLink]:
    links: list[ChainLink] = []
    previous = GENESIS
    for revision, content in enumerate(CONTENTS, start=1):
        links.append(link(previous, {"revision": revision, "method": "consensus"}, commit(SALT, content)))
        previous = links[-1].hash
    return links


def test_a_chain_verifies_with_and_without_its_content() -> None:
    assert verify_chain(chain(), salt=SALT, contents=CONTENTS) is None
    assert verify_chain(chain()) is None  # as after erasure
    assert verify_chain([]) is None


def test_changed_metadata_is_found() -> None:
    links = chain()
    links[1] = replace(links[1], metadata={**links[1].metadata, "method": "decision"})
    assert verify_chain(links) == 1


def test_changed_content_is_found_while_it_is_there() -> None:
    contents: list[JsonValue] = [CONTENTS[0], {"label": "9"}, CONTENTS[2]]
    assert verify_chain(chain(), salt=SALT, contents=contents) == 1
    assert verify_chain(chain(), salt=SALT, contents=CONTENTS[:2]) == 2


def test_a_link_left_out_or_swapped_is_found() -> None:
    first, second, third = chain()
    assert verify_chain([first, third]) == 1
    assert verify_chain([second, first, third]) == 0
    assert verify_chain([second, third]) == 0


def test_a_rewritten_commitment_is_found() -> None:
    links = chain()
    links[0] = replace(links[0], commitment=commit(SALT, {"label": "7"}))
    assert verify_chain(links) == 0


def test_a_commitment_reveals_nothing_without_the_salt() -> None:
    assert commit(SALT, CONTENTS[0]) != commit(b"another salt", CONTENTS[0])


def test_one_value_has_one_form() -> None:
    assert canonical({"b": 1, "a": [1.5, None, True, "ü"]}) == '{"a":[1.5,null,true,"ü"],"b":1}'.encode()
    with pytest.raises(ValueError):
        canonical(float("nan"))


def test_a_key_opens_one_link_and_no_other() -> None:
    links: list[ChainLink] = []
    previous = GENESIS
    for position, content in enumerate(CONTENTS):
        metadata: dict[str, JsonValue] = {"position": position, "commitment": OWN_KEY}
        links.append(link(previous, metadata, commit(commitment_key(SALT, metadata), content)))
        previous = links[-1].hash
    assert verify_chain(links, salt=SALT, contents=CONTENTS) is None
    first = commitment_key(SALT, links[0].metadata)
    assert links[0].commitment == commit(first, CONTENTS[0])
    assert links[2].commitment != commit(first, CONTENTS[2])
    assert first != SALT


def test_an_empty_tree_has_a_root() -> None:
    assert len(MerkleTree([]).root) == 32
    assert MerkleTree([b"x"]).root != b"x"  # leaves are hashed apart from nodes


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=12), st.data())
@settings(max_examples=40)
def test_every_leaf_is_proven_and_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    tree = MerkleTree(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = tree.proof(index)
    assert hashes_of(b"".join(proof)) == proof
    assert verify_proof(leaves[index], index, len(leaves), proof, tree.root)
    assert not verify_proof(leaves[index] + b"!", index, len(leaves), proof, tree.root)
    assert not verify_proof(leaves[index], len(leaves), len(leaves), proof, tree.root)
    assert not verify_proof(leaves[index], index, len(leaves), [*proof, b"more"], tree.root)
    if proof:
        assert not verify_proof(leaves[index], index, len(leaves), proof[:-1], tree.root)
    assert MerkleTree([*leaves, b"more"]).root != tree.root
