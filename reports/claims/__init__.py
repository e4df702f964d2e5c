"""The paper's claims in numbers, and what our measurements say of each."""
