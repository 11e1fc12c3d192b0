"""Records and chunks, and their forms: msgpack, JSON, templates, accessors, files of filesystem storage."""
