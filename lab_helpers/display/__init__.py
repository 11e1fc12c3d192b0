"""What a trainee sees: tables, charts, progress, the path of a log line. The only importer of IPython and
matplotlib.
"""

from __future__ import annotations

from lab_helpers.display.canvas import Chart
from lab_helpers.display.charts import (
    health_checks_and_traffic,
    latency,
    object_sizes,
    requests_over_time,
    task_balance,
)
from lab_helpers.display.log_path import log_path
from lab_helpers.display.panel import Panel, panel
from lab_helpers.display.progress import Bar, in_live_notebook
from lab_helpers.display.tables import Shown, facts, table, text
from lab_helpers.display.terraform_progress import TerraformBar
from lab_helpers.display.trace import Trace

__all__ = [
    "Bar",
    "Chart",
    "Panel",
    "Shown",
    "TerraformBar",
    "Trace",
    "facts",
    "health_checks_and_traffic",
    "in_live_notebook",
    "latency",
    "log_path",
    "object_sizes",
    "panel",
    "requests_over_time",
    "table",
    "task_balance",
    "text",
]
