"""What speaks to an images server; a package of its own, so that looking for adapters does not import it."""
