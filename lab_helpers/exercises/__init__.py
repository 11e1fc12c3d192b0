"""Exercises of the workbook: the trainee answers, the exercise says passed, not yet and why, or not attempted.

    lab.exercise("04_1").check(answer)
    lab.exercise("04_1").hint()
    lab.exercise("04_1").solution()

The solutions are files in `solutions/`, so that a student's copy can do without them. What a trainee has tried is
kept in `progress.json` in the lab's home.
"""

from lab_helpers.exercises.catalogue import CATALOGUE, exercise_of
from lab_helpers.exercises.exercise import Desk, Exercise, Status, Task, Verdict
from lab_helpers.exercises.progress import Guess, Progress, class_guesses, class_table, guess_table, table

__all__ = [
    "CATALOGUE",
    "Desk",
    "Exercise",
    "Guess",
    "Progress",
    "Status",
    "Task",
    "Verdict",
    "class_guesses",
    "class_table",
    "exercise_of",
    "guess_table",
    "table",
]
