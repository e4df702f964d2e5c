"""Power modes and clocks of a device: small operations that are applied when asked for and always put back."""
