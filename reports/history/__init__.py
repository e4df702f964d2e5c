"""One case on one device over time: where its latency changed, by how much, and what else changed there."""
