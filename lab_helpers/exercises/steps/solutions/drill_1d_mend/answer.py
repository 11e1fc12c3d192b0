def answer(ecs, cluster, service):
    ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)
