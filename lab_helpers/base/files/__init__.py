"""Files that several processes share: locked, written at once; sockets at paths that are short enough."""
