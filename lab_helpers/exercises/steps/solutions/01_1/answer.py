answer = r"""
[FILTER]
    Name  grep
    Match *
    Regex log "\s404\s
"""
