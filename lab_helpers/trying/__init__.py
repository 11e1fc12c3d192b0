"""A team's own FireLens set-up, tried on a throw-away local AWS: what is generated, what arrives, what is lost.

`trial.attempt` is the engine, `report.text` its report, `pytest_plugin` its fixture.
"""
