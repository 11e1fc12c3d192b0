"""On a real account: guards, quotas, cost, the operator's policy, what there is of a lab, and its deletion."""
