"""IAM as a pure function: policies and a request in, a decision with its reason out.

    policy      documents become statements (statements.py)
    match       does a statement apply? wildcards and variables (patterns.py), conditions.py, principals.py
    evaluate    the decision (decision.py holds it, with AWS's sentence)
    trust       may this principal assume this role?
    actions     which permissions an API call needs (call.py, and a table for each of s3, logs, ecs)
    managed     the AWS managed policies of the lab
    explain     the table of `lab explain-denials`

Nothing here does I/O, knows moto or reads a clock.
"""
