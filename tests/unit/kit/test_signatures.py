"""Signatures by keys that have an id."""

import hashlib

import pytest

from shared.kit.signatures import KeyRing, PublicKey, SigningKey

# RFC 8032, section 7.1, test 2
SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
MESSAGE = b"\x72"


def test_a_signature_is_that_of_the_standard() -> None:
    key = SigningKey.parse(f" {SEED.upper()}\n")
    assert key.public.hex == PUBLIC
    assert key.sign(MESSAGE).hex() == SIGNATURE
    assert PublicKey.parse(PUBLIC).verifies(bytes.fromhex(SIGNATURE), MESSAGE)


def test_another_message_key_or_signature_does_not_verify() -> None:
    key = PublicKey.parse(PUBLIC)
    assert not key.verifies(bytes.fromhex(SIGNATURE), b"another")
    assert not key.verifies(b"", MESSAGE)
    assert not SigningKey(bytes(32)).public.verifies(bytes.fromhex(SIGNATURE), MESSAGE)


def test_a_key_is_named_by_its_hash_and_an_unknown_one_verifies_nothing() -> None:
    signing, earlier = SigningKey(bytes(32)), PublicKey.parse(PUBLIC)
    assert earlier.key_id == hashlib.sha256(bytes.fromhex(PUBLIC)).hexdigest()
    signature = bytes.fromhex(SIGNATURE)
    assert KeyRing(signing, [earlier]).verifies(earlier.key_id, signature, MESSAGE)
    assert not KeyRing(signing).verifies(earlier.key_id, signature, MESSAGE)


@pytest.mark.parametrize("text", ["", "secret", "0" * 63, "0" * 65, "g" * 64])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits") as refused:
        SigningKey.parse(text)
    assert not text or text not in str(refused.value)
