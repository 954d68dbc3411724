"""What speaks HTTP and WebSocket to image servers; a package of its own, imported with the first picture."""
