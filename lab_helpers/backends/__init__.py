"""Where the lab runs: the embedded local AWS, a real account, another endpoint."""
