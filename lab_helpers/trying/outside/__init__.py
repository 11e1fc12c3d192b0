"""What outputs that lead outside AWS would have sent: `sent.sent` of what the router's stand-ins recorded."""
