answer = """parse log '* "*" "*"' as line, referer, agent
| stats count(*) as requests by agent
| sort requests desc"""
