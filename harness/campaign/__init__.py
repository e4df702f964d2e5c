"""Campaigns: many cases on many devices, days of measuring, nothing lost."""
