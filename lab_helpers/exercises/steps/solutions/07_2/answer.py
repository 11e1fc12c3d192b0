answer = (visits.loc[~visits["is_health_check"], "status"] >= 400).mean()
