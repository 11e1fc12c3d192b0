answer = "b"
