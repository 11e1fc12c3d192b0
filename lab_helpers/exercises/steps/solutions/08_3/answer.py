answer = "access policy"
