"""The recurrent part is counted and heard."""

import torch

from edgeemg.train.models import count_macs, make_model


def test_multiply_accumulates_count_every_step_of_the_recurrence():
    stem = 8 * 32 * 9 * 200 + 32 * 48 * 7 * 50 + 48 * 48 * 5 * 50
    recurrence = 25 * 3 * 64 * (48 + 64)
    model = make_model("gru", channels=8, window_samples=200, classes=10)
    assert count_macs(model, channels=8, window_samples=200) == stem + recurrence + 64 * 10


def test_a_window_does_not_remember_the_one_before():
    model = make_model("gru", channels=2, window_samples=200, classes=6).eval()
    x = torch.randn(1, 2, 200)
    with torch.no_grad():
        alone = model(x)
        model(torch.randn(1, 2, 200))
        assert torch.equal(model(x), alone)


def test_the_order_of_events_matters():
    model = make_model("gru", channels=2, window_samples=200, classes=6).eval()
    model.stem = torch.nn.AvgPool1d(4)  # of 48 rows, the same forwards and backwards
    x = torch.randn(1, 48, 200)
    with torch.no_grad():
        assert not torch.allclose(model(x), model(x.flip(-1)), atol=1e-4)
