"""Synthetic data, training and evaluation."""
