"""Verbs of a fitted model on rows that need not be in memory: predictions, residuals, scores, covariances."""
