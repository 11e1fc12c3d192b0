"""IAM as a pure function: policies and a request in, a decision with its reason out.

    policy    -> documents become frozen statements
    patterns  -> wildcards and policy variables
    conditions-> condition operators
    principals-> who a caller is, and what a Principal element grants
    match     -> does this statement apply to this request?
    evaluate  -> the decision
    trust     -> may this principal assume this role?
    actions   -> which permissions an API call needs
    managed   -> the AWS managed policies of the lab
    explain   -> the table of `lab explain-denials`

Nothing here does I/O, knows moto or reads a clock.
"""
