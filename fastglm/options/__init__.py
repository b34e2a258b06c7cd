"""What a caller can ask of solvers and covariances: records of options, and the registries of what there is."""
