"""What runs in the parser's worker process: any feed document to stories."""
