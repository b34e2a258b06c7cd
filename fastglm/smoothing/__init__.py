"""Local regression: kernels, bandwidths, fits at points, their result. ``fastglm.local`` is its face."""
