"""Ostinato."""
