"""The only door for rows: requests, and the schemas and sources that are made of them."""
