"""What our own runtimes need of the libraries that they stand on: profilers, graphs, engines."""
