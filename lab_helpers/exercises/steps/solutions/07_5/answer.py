answer = real[real["duration_ms"] > 300].groupby("client").size()
