"""What the gateway and the services of the local AWS share: API types, clock, the VPC's wires."""
