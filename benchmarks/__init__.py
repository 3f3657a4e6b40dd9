"""What it costs, measured beside what others cost, in one run: `python -m benchmarks`."""
