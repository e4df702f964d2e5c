"""What a runtime is: what it declares of itself, what it has to do, and what most of them need for it."""
