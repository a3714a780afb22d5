"""What `edgeemg run` would refuse at each start is said when the service is installed."""

import pytest

from edgeemg.cli.run_arguments import parse
from edgeemg.cli.service_trial import refusals

PORT = ("--port", "/dev/ttyUSB0")


def said(bundle, *options):
    return list(refusals(parse([str(bundle), *PORT, *options])))


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--engine", "tflite", "--precision", "int8"),
        ("--channels", "4,3,2,1", "--sink", "keys:left=KEY_UP", "--sink", "exec:true"),
        ("--device", "text", "--rate", "250", "--threshold", "0.5"),
    ],
)
def test_what_runs_is_let_pass(options, tiny_bundle):
    assert said(tiny_bundle, *options) == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--engine", "abacus"), "abacus"),
        (("--precision", "int3"), "int3"),
        (("--channels", "1,2"), "--channels must name 4 inputs from 1 to 8"),
        (("--device", "cyton-daisy"), "reads 250 samples a second, the source gives 125"),
        (("--sink", "keys:up=KEY_UP"), "keys are for the model's labels, left, rest, right"),
        (("--sink", "keys:left=KEY_NONE_SUCH"), "no key 'KEY_NONE_SUCH'"),
        (("--sink", "exec:/no/such/program"), "no program '/no/such/program'"),
        (("--sink", "udp://host"), "udp://HOST:PORT"),
        (("--sink", "mqtt://h/t?credentials=/no/file"), "there is no file /no/file"),
    ],
)
def test_what_run_would_refuse_is_said(options, why, tiny_bundle):
    (one,) = said(tiny_bundle, *options)
    assert why in one


def test_everything_is_said_at_once(tiny_bundle):
    sinks = ("--sink", "keys:up=KEY_UP", "--sink", "exec:/no/such/program")
    assert len(said(tiny_bundle, "--channels", "1", *sinks)) == 3
