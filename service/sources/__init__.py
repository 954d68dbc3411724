"""Where stories come from. One file a kind."""
