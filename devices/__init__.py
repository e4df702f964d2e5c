"""Where it runs: transports, runners, probes, and the worker that executes on the device."""
