"""What `import latency_bench as bench` offers to scripts and notebooks: the same as the command line, as values."""
