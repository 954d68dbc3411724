"""A plate and a profile in, a slide out: type, scrim, pixels. Pure but for fonts."""
