"""One fit, from the request of a caller to a result."""
