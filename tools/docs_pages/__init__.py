"""The generated pages, one module for each table that they describe."""
