"""Learns a person, a pet or a thing from photos. Meets the service in a folder, never in an import."""
