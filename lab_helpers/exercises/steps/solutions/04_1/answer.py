answer = f'"{lab.traced_id}"'
