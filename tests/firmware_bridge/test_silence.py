from firmware_bridge.silence import Silence


def test_it_is_due_each_time_that_long_has_passed_and_lost_in_the_end() -> None:
    silence = Silence(0.5, 3.0, 100.0)
    due, lost_s = [], None
    for n in range(1, 61):
        silence.go_on(3, 100.0 + n * 0.05)
        if silence.is_due():
            due.append(round(n * 0.05, 2))
        if silence.is_lost and lost_s is None:
            lost_s = n * 0.05
    assert [round(one, 1) for one in due][:3] == [0.5, 1.0, 1.5]
    assert len(due) in (5, 6)
    assert lost_s is None or lost_s > 2.9
    assert silence.n_bytes == 180


def test_a_frame_ends_it() -> None:
    silence = Silence(0.5, 3.0, 0.0)
    for n in range(1, 20):
        silence.go_on(1, n * 0.05)
    silence.end(1.0)
    assert (silence.seconds, silence.n_bytes, silence.is_due(), silence.is_lost) == (
        0.0,
        0,
        False,
        False,
    )


def test_a_host_that_slept_has_not_heard_silence() -> None:
    silence = Silence(0.5, 3.0, 0.0)
    silence.go_on(0, 1000.0)
    assert silence.seconds < 0.5
    assert not silence.is_due()
