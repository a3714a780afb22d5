import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.umyo import RECORD_BYTES, UmyoReader, encode, umyo
from firmware_bridge.frames import Wishes


def read(reader: UmyoReader, stream: bytes) -> tuple[list[int], list[int]]:
    frames = reader.feed(stream)
    return (
        [int(n) for one in frames for n in one.counter],
        [int(row[0]) for one in frames for row in one.counts],
    )


def ramp(n: int) -> np.ndarray:
    return np.arange(-n // 2, n - n // 2)[:, None] * 5


def test_a_record_is_laid_out_as_the_base_sends_it() -> None:
    (record,) = encode([[1], [-2], [3], [4], [5], [6], [7], [-32768]], 5 * 8, unit=0x01020304)
    assert len(record) == RECORD_BYTES
    assert record[:2] == b"\x4f\xd5"
    assert record[4] == 62
    assert record[5:10] == b"\x01\x02\x03\x04\x88"
    assert record[13:15] == b"\x00\x05"
    assert record[15:31].hex() == "0001fffe000300040005000600078000"


def test_what_is_encoded_is_decoded_with_a_number_for_each_sample() -> None:
    counters, counts = read(UmyoReader(), b"".join(encode(ramp(80), 2000)))
    assert counts == ramp(80)[:, 0].tolist()
    assert counters == [(2000 + n) % 2048 for n in range(80)]


def test_one_damaged_record_costs_its_eight_samples() -> None:
    records = [bytearray(one) for one in encode(ramp(160))]
    records[10][4] ^= 1
    reader = UmyoReader()
    counters, _ = read(reader, b"".join(records))
    assert counters == [n for n in range(160) if n // 8 != 10]
    assert (reader.malformed, reader.rejected_bytes) == (1, RECORD_BYTES)


def test_a_changed_batch_number_is_refused_and_not_taken_for_a_loss() -> None:
    records = [bytearray(one) for one in encode(ramp(160))]
    records[10][14] ^= 0x40
    counters, _ = read(UmyoReader(), b"".join(records))
    assert counters == [n for n in range(160) if n // 8 != 10]


def test_records_of_another_unit_are_passed_over() -> None:
    mine, other = encode(ramp(160), unit=1), encode(ramp(160), 960, unit=2)
    stream = mine[:2] + [one for pair in zip(other[2:], mine[2:], strict=True) for one in pair]
    reader = UmyoReader()
    counters, _ = read(reader, b"".join(stream))
    assert reader.unit == 1
    assert counters == list(range(160))
    assert reader.rejected_bytes == 18 * RECORD_BYTES


def test_noise_before_the_first_record_is_counted() -> None:
    reader = UmyoReader()
    counters, _ = read(reader, b"\x4f\xd5 and so on" + b"".join(encode(ramp(80))))
    assert counters == list(range(80))
    assert (reader.rejected_bytes, reader.resyncs) == (12, 1)


def test_the_rate_is_nominal_and_may_be_told() -> None:
    device = umyo(Wishes(rate_hz=1110))
    assert device.stream is not None
    assert (device.stream.sample_rate_hz, device.stream.turn) == (1110, 2048)
    with pytest.raises(PortError, match="--sensor-channels does not go"):
        umyo(Wishes(channels=2))


@pytest.mark.parametrize("counts", [[0] * 8, [[0]] * 7, [[0, 0]] * 8, [[32768]] * 8])
def test_counts_that_do_not_fit_are_refused(counts: list) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)
