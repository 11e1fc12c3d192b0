"""The stream processor: queries over records on their way, whose results come in again under a tag of their own."""
