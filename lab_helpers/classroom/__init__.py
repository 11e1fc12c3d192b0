"""A class that works at the same time: the trainer's page, and what trainees' machines tell it.

    `lab class serve`      trainer: a server (server.py) with a page (page.html) around a room (room.py)
    `lab join URL CODE`    trainee: takes a seat (member.py); open notebooks then send (sender.py) a report (report.py)
    `lab leave`            gives the seat back

Nothing but what a `Report` names leaves a trainee's machine. docs/trainer.md lists it, `lab join --show` prints it.
"""
