"""What passes over rows sum, and the objectives that solvers descend."""
