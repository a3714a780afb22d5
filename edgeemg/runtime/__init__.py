"""The device: a bundle and samples in, decisions out. numpy and one engine, nothing else."""
