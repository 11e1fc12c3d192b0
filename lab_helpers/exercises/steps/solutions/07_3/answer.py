checks = 2 * 2 * 24 * 60 * 60 / 10
errors = (visits["status"] >= 400).sum()
answer = errors / (len(real) + checks)
