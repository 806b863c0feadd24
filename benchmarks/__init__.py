"""What this benchmark's speed is, beside bare engines and other libraries: `python -m benchmarks`."""
