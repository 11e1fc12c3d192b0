"""The article's FAQ as experiments that run (rows B2, B3 and E1 to E5); each undone, like the drills.

experiment = experiments.router_killed(lab)
experiment.run()
experiment.result()
"""

from lab_helpers.experiments.awslogs import AwslogsOrFirelens, CreateGroup
from lab_helpers.experiments.experiment import Experiment
from lab_helpers.experiments.firehose import FirehoseErrors, RouterKilled
from lab_helpers.experiments.plugins import Destinations, KeyOrder
from lab_helpers.experiments.today import InitImage

awslogs_or_firelens = AwslogsOrFirelens
create_group = CreateGroup
destinations = Destinations
firehose_errors = FirehoseErrors
init_image = InitImage
key_order = KeyOrder
router_killed = RouterKilled

CATALOGUE: tuple[type[Experiment], ...] = (
    AwslogsOrFirelens,
    RouterKilled,
    CreateGroup,
    KeyOrder,
    FirehoseErrors,
    Destinations,
    InitImage,
)

__all__ = [
    "CATALOGUE",
    "Experiment",
    "awslogs_or_firelens",
    "create_group",
    "destinations",
    "firehose_errors",
    "init_image",
    "key_order",
    "router_killed",
]
