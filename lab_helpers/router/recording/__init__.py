"""Stand-ins for outputs that lead outside AWS: they take the real plugin's options and keep what it would have sent."""

RECORD_IN = "LAB_ROUTER_RECORD_IN"
"""Environment variable: the folder for what they keep; none of them is there without it."""
