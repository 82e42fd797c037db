"""Clips and data sets in, labels out."""
