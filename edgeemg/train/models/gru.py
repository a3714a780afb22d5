"""A convolution stem and a recurrent layer: (batch, channel, time) -> (batch, class) logits."""

from torch import Tensor, nn

from edgeemg.train.models.layers import conv_block


class Gru(nn.Module):
    """Three convolution blocks cut the window to time / 8 steps; a GRU reads them in order.

    Gated recurrent unit of Cho et al. 2014 (arXiv:1406.1078), behind convolutions as in
    DeepConvLSTM (Ordonez & Roggen 2016, doi:10.3390/s16010115). It starts from zero in every
    window; the mean over its states, not the last one alone, goes to the linear layer. Few steps
    matter more than few units: TFLite has no GRU operator and gets the loop written out.
    8 channels x 200 samples x 10 classes: 47,370 parameters, 2.11 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:  # noqa: ARG002  # one signature for all
        super().__init__()
        self.stem = nn.Sequential(
            conv_block(channels, 32, 9, pool=4),
            conv_block(32, 48, 7, pool=1),
            conv_block(48, 48, 5, pool=2),
        )
        self.gru = nn.GRU(48, 64, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).transpose(1, 2)  # (batch, step, 48)
        x = self.gru(x)[0].mean(dim=1)  # (batch, 64)
        out: Tensor = self.head(self.dropout(x))
        return out
