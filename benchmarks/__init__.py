"""What it costs, measured: each module here is run by `python -m benchmarks.NAME`."""
