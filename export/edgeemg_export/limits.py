"""How far a file may be from PyTorch, unless told otherwise; light enough for the command line."""

MAX_ACCURACY_DROP = 0.005  # of balanced accuracy on held-out trials
MIN_AGREEMENT = 0.98  # of held-out windows with PyTorch's label
FLOAT_TOLERANCE = 1e-4  # logits; a converter that is right differs by rounding only
