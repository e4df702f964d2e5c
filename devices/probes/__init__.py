"""What a machine is and how it feels: fingerprint, clocks, temperature, power."""
