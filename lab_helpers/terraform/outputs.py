"""Terraform's outputs, typed: the names that the notebooks ask AWS for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from lab_helpers.base.errors import NotYetError


@dataclass(frozen=True)
class LabOutputs:
    """One field per output of terraform/outputs.tf, where each is described."""

    alb_arn: str
    alb_dns_name: str
    alb_log_bucket: str
    cluster_name: str
    delivery_stream_arn: str
    delivery_stream_name: str
    execution_role_arn: str
    firehose_role_arn: str
    glue_database: str
    glue_table: str
    httpd_log_group: str
    httpd_repository_name: str
    httpd_repository_url: str
    log_bucket: str
    log_group: str
    repository_name: str
    repository_url: str
    service_name: str
    target_group_arn: str
    task_family: str
    task_role_arn: str

    @property
    def url(self) -> str:
        """Where httpd answers, with a slash at the end."""
        return f"http://{self.alb_dns_name}/"

    @classmethod
    def of(cls, values: Mapping[str, str]) -> LabOutputs:
        """Take Terraform's output values; raises NotYetError while the lab is not, or only partly, applied."""
        missing = [field.name for field in fields(cls) if not values.get(field.name)]
        if missing:
            raise NotYetError(f"Terraform's output {missing[0]}", "02")
        return cls(**{field.name: values[field.name] for field in fields(cls)})
