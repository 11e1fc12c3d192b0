missing = real[real["status"] == 404]
scanner = missing.groupby("client").size().idxmax()
answer = missing[missing["client"] == scanner].groupby("path").size()
