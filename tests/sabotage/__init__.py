"""Breaks the code on purpose: each patch takes one promise away, and one named test must notice."""
