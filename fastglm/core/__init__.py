"""What every room may use: whole files, frozen arrays, frames that are handed back, names of columns."""
