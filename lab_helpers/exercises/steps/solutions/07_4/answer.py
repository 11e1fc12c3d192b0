answer = real.groupby("path")["duration_ms"].quantile(0.95)
