"""Where the rows are, and the only place where work runs in parallel."""
