"""What happens: export, fidelity, protocol, statistics, store, the pipeline, the command line."""
