"""How to reach a device: run a command there, push a file, pull a file."""
