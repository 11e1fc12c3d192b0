from lab_helpers import incident

answer = incident.mend(lab)
