"""Do rankings carry over? Latencies of the same models in two places, set against each other."""
