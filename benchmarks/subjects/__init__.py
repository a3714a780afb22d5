"""Plain scripts that `benchmarks.runtime_cost` runs, each in a process of its own."""
