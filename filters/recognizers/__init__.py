"""Presidio recognizers, one a file."""
