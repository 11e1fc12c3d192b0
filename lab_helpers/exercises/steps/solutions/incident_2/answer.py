from lab_helpers import incident

answer = incident.reference(lab)
