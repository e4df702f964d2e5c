"""`python -m latency_bench` is `bench`."""

from latency_bench.harness.cli.main import main

if __name__ == "__main__":
    main()
