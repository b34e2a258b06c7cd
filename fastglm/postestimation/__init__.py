"""What one does with a fitted model and rows that need not be in memory: answers row by row, scores, covariances."""
