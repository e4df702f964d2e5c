"""The paper's claims in numbers, and whether they hold where we measured."""
