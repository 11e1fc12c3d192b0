"""Services that have a role of their own in an account: what it is called and which of AWS's policies it has.

Source: LocalStack's recordings test_service_role_lifecycle; "AWS services that work with IAM" of the IAM User Guide.
Not modelled: services that are not recorded there.
"""

from __future__ import annotations

from dataclasses import dataclass

SUFFIXED = frozenset({"autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com"})
"""Services that may have several such roles, told apart by a suffix."""
_SCALING = "AWSApplicationAutoscaling"
_TABLE = """
accountdiscovery.ssm AmazonSSM_AccountDiscovery AWSSystemsManagerAccountDiscoveryServicePolicy
acm CertificateManager CertificateManagerServiceRolePolicy
appmesh AppMesh AWSAppMeshServiceRolePolicy
autoscaling AutoScaling AutoScalingServiceRolePolicy
autoscaling-plans AutoScalingPlans_EC2AutoScaling AWSAutoScalingPlansEC2AutoScalingPolicy
backup Backup AWSBackupServiceLinkedRolePolicyForBackup
batch Batch BatchServiceRolePolicy
cassandra.application-autoscaling ApplicationAutoScaling_CassandraTable @CassandraTablePolicy
ecs.application-autoscaling ApplicationAutoScaling_ECSService @ECSServicePolicy
cks.kms KeyManagementServiceCustomKeyStores AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy
cloudtrail CloudTrail CloudTrailServiceRolePolicy
codestar-notifications CodeStarNotifications AWSCodeStarNotificationsServiceRolePolicy
config Config AWSConfigServiceRolePolicy
connect AmazonConnect AmazonConnectServiceLinkedRolePolicy
dms DMSServerless AWSDMSServerlessServiceRolePolicy
dms-fleet-advisor DMSFleetAdvisor AWSDMSFleetAdvisorServiceRolePolicy
docdb-elastic DocDB-Elastic AmazonDocDB-ElasticServiceRolePolicy
ec2-instance-connect Ec2InstanceConnect Ec2InstanceConnectEndpoint
ec2.application-autoscaling ApplicationAutoScaling_EC2SpotFleetRequest @EC2SpotFleetRequestPolicy
ecr ECRTemplate ECRTemplateServiceRolePolicy
ecs ECS AmazonECSServiceRolePolicy
eks AmazonEKS AmazonEKSServiceRolePolicy
eks-connector AmazonEKSConnector AmazonEKSConnectorServiceRolePolicy
eks-fargate AmazonEKSForFargate AmazonEKSForFargateServiceRolePolicy
eks-nodegroup AmazonEKSNodegroup AWSServiceRoleForAmazonEKSNodegroup
elasticache ElastiCache ElastiCacheServiceRolePolicy
elasticbeanstalk ElasticBeanstalk AWSElasticBeanstalkServiceRolePolicy
elasticfilesystem AmazonElasticFileSystem AmazonElasticFileSystemServiceRolePolicy
elasticloadbalancing ElasticLoadBalancing AWSElasticLoadBalancingServiceRolePolicy
email.cognito-idp AmazonCognitoIdpEmailService AmazonCognitoIdpEmailServiceRolePolicy
emr-containers AmazonEMRContainers AmazonEMRContainersServiceRolePolicy
emrwal EMRWAL EMRDescribeClusterPolicyForEMRWAL
fis FIS AmazonFISServiceRolePolicy
grafana AmazonGrafana AmazonGrafanaServiceLinkedRolePolicy
imagebuilder ImageBuilder AWSServiceRoleForImageBuilder
iotmanagedintegrations IoTManagedIntegrations AWSIoTManagedIntegrationsRolePolicy
kafka Kafka KafkaServiceRolePolicy
kafkaconnect KafkaConnect KafkaConnectServiceRolePolicy
lakeformation LakeFormationDataAccess LakeFormationDataAccessServiceRolePolicy
lex LexBots AmazonLexBotPolicy
lexv2 LexV2Bots AmazonLexV2BotPolicy
lightsail Lightsail LightsailExportAccess
m2 AWSM2 AWSM2ServicePolicy
memorydb MemoryDB MemoryDBServiceRolePolicy
mq AmazonMQ AmazonMQServiceRolePolicy
mrk.kms KeyManagementServiceMultiRegionKeys AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy
notifications AwsUserNotifications AWSUserNotificationsServiceLinkedRolePolicy
observability.aoss AmazonOpenSearchServerless AmazonOpenSearchServerlessServiceRolePolicy
opensearchservice AmazonOpenSearchService AmazonOpenSearchServiceRolePolicy
ops.apigateway APIGateway APIGatewayServiceRolePolicy
ops.emr-serverless AmazonEMRServerless AmazonEMRServerlessServiceRolePolicy
opsdatasync.ssm SystemsManagerOpsDataSync AWSSystemsManagerOpsDataSyncServiceRolePolicy
opsinsights.ssm AmazonSSM_OpsInsights AWSSSMOpsInsightsServiceRolePolicy
pullthroughcache.ecr ECRPullThroughCache AWSECRPullThroughCache_ServiceRolePolicy
ram ResourceAccessManager AWSResourceAccessManagerServiceRolePolicy
rds RDS AmazonRDSServiceRolePolicy
redshift Redshift AmazonRedshiftServiceLinkedRolePolicy
replication.cassandra KeyspacesReplication KeyspacesReplicationServiceRolePolicy
replication.ecr ECRReplication ECRReplicationServiceRolePolicy
repository.sync.codeconnections GitSync AWSGitSyncServiceRolePolicy
resource-explorer-2 ResourceExplorer AWSResourceExplorerServiceRolePolicy
rolesanywhere RolesAnywhere AWSRolesAnywhereServicePolicy
s3-outposts S3OnOutposts AWSS3OnOutpostsServiceRolePolicy
ses AmazonSES AmazonSESServiceRolePolicy
shield AWSShield AWSShieldServiceRolePolicy
ssm AmazonSSM AmazonSSMServiceRolePolicy
ssm-incidents IncidentManager AWSIncidentManagerServiceRolePolicy
ssm-quicksetup SSMQuickSetup SSMQuickSetupRolePolicy
sso SSO AWSSSOServiceRolePolicy
vpcorigin.cloudfront CloudFrontVPCOrigin AWSCloudFrontVPCOriginServiceRolePolicy
waf WAFLogging WAFLoggingServiceRolePolicy
wafv2 WAFV2Logging WAFV2LoggingServiceRolePolicy
"""
"""Service (without .amazonaws.com), name (without AWSServiceRoleFor), policy (without its path; @: _SCALING)."""


@dataclass(frozen=True)
class LinkedRole:
    """A service-linked role's name and the ARN of its policy."""

    name: str
    policy_arn: str


_ROLES = {
    f"{service}.amazonaws.com": LinkedRole(
        f"AWSServiceRoleFor{name}", f"arn:aws:iam::aws:policy/aws-service-role/{policy}"
    )
    for service, name, policy in (line.replace("@", _SCALING).split() for line in _TABLE.strip().splitlines())
}


def linked_role(service: str) -> LinkedRole | None:
    """Return the role of a service (`ecs.amazonaws.com`); None for one that is not known to have one."""
    return _ROLES.get(service)
