"""An embedded AWS on 127.0.0.1: moto as control plane, the data plane of ECS, FireLens, ALB and Firehose our own."""
