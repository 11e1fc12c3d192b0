answer = "{container: .container_name, level: .level}"
