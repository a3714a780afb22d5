import pytest

from edgeemg.dsp.channels import sensor_inputs
from edgeemg.errors import RecordingError


@pytest.mark.parametrize(
    ("names", "inputs"),
    [
        (["EMG1", "EMG2"], (0, 1)),
        (["Channel_3", "Channel_1"], (2, 0)),
        (["EMG08"], (7,)),
        (["chin", "throat"], (0, 1)),
        (["EMG1", "throat"], (0, 1)),
        (["left2", "right2"], (0, 1)),
        (["EMG0", "EMG1"], (0, 1)),
        (["EMG8", "EMG9"], (0, 1)),
        ([], ()),
    ],
)
def test_a_number_at_the_end_is_the_input_where_all_have_their_own(
    names: list[str], inputs: tuple[int, ...]
) -> None:
    assert sensor_inputs(names, n_inputs=8) == inputs


def test_more_channels_than_inputs_are_refused() -> None:
    with pytest.raises(RecordingError, match=r"3 channels .* a sensor of 2 inputs"):
        sensor_inputs(["a", "b", "c"], n_inputs=2)
