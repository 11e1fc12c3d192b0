"""The promises of the local AWS, tried through public APIs alone; the same tests may be pointed at a real account."""
