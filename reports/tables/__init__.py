"""The paper's tables with what was measured beside what was published: built once, rendered in any format."""
