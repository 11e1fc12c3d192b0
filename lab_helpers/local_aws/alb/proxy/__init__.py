"""The data plane's connections: the client's side, an exchange on its way, the target's side."""
