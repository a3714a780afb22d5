"""Samples in, model-ready windows out: numpy only, the same code in training and on the device."""
