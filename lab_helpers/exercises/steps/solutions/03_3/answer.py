codes = {part["name"]: part["exitCode"] for part in task["containers"] if "exitCode" in part}
answer = next((name, code) for name, code in codes.items() if code not in (0, 137, 143))
