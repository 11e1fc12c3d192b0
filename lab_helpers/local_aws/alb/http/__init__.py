"""HTTP/1.1 as the load balancer reads and writes it: heads, framing, answers of its own. Pure."""
