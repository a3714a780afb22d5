"""A grid of settings in; a table of what each reached out, cell by cell, on many workers."""
