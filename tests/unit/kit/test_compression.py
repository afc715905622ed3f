"""Values come out as they went in, whatever their length, and long ones much shorter."""

import cramjam
import pytest

from shared.kit.compression import compress, decompress


@pytest.mark.parametrize("length", [0, 1, 100, 4_095, 4_096, 100_000])
def test_a_value_comes_out_as_it_went_in(length: int) -> None:
    value = bytes(number % 251 for number in range(length))
    assert decompress(compress(value)) == value


def test_what_was_compressed_by_lz4_alone_is_still_read() -> None:
    value = b"an event of before " * 1_000
    assert decompress(bytes(cramjam.lz4.compress_block(value))) == value


def test_much_is_compressed_better_than_by_lz4() -> None:
    value = b"".join(b'{"id":"%032x","type":"RecordAccepted"}' % (number * 7919**8) for number in range(500))
    assert len(compress(value)) < 0.8 * len(cramjam.lz4.compress_block(value))
