"""A run in, a bundle out: ONNX and TFLite, float and int8, with the proof beside them."""
