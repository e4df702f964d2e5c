"""What `bench attention` measures: which subjects, at equal shape and at equal MACs, and which are there already."""
