"""A bundle and a recording in; a day in the life of `edgeemg run`, in minutes, out."""
