"""Terraform for the notebooks: `Terraform` with init, plan, apply, destroy and outputs."""

from lab_helpers.terraform.binary import TerraformBinary, find_binary
from lab_helpers.terraform.outputs import LabOutputs
from lab_helpers.terraform.progress import Display, OnEvent, Progress, ProgressPrinter, silent
from lab_helpers.terraform.runner import RunResult, Terraform

__all__ = [
    "Display",
    "LabOutputs",
    "OnEvent",
    "Progress",
    "ProgressPrinter",
    "RunResult",
    "Terraform",
    "TerraformBinary",
    "find_binary",
    "silent",
]
