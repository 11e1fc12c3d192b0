"""The steps of notebook 07: an investigation of a day of visitors."""

from __future__ import annotations

from lab_helpers.exercises.steps import investigation
from lab_helpers.exercises.steps.step import Act, Kind, Step, Wrong

HTTPD_CONF = "terraform/httpd/httpd.conf"
NUMBER: tuple[type, ...] = (float, int)

STEPS: tuple[Step, ...] = (
    Step(
        id="07_1",
        title="Let httpd print how long an answer took and whom it was for, and deploy its image.",
        minutes=5,
        files=(HTTPD_CONF,),
        act=Act.DEPLOY,
        check=investigation.prints_time_and_client,
        wrong=(
            Wrong(lambda conf: conf.replace("LogFormat", "LogFromat", 1), "LogFromat"),
            Wrong(lambda conf: conf.replace("%D", "%Z", 1), "Z"),
        ),
        hints=(
            "Apache's page of mod_log_config has a directive for the time to serve a request, in microseconds: %D.",
            "A header of the request is %{Name}i, in escaped quotation marks. The load balancer sends X-Forwarded-For.",
            'Behind the user agent: %D \\"%{X-Forwarded-For}i\\", and then the quotation mark that ends the format.',
        ),
    ),
    Step(
        "07_2",
        "Work out the share of the visitors' requests that was answered with an error.",
        4,
        investigation.shares_errors,
        kind=Kind.ANSWER,
        wants=NUMBER,
        wrong=(
            Wrong(7.25, "not in per cent"),
            Wrong(float("nan"), "between 0 and 1"),
            Wrong(0.004, "health checks"),
            Wrong(0.005, "share of 5xx"),
            Wrong(0.25, "too large"),
        ),
        hints=(
            "An error is a status of 400 or more. `visits` has a column is_health_check; `~` is *not*.",
            "A condition makes a column of True and False; its mean is a share: (…).mean().",
        ),
    ),
    Step(
        "07_3",
        "Work out the same share for a whole day, with its health checks among the requests.",
        3,
        investigation.shares_errors_of_a_day,
        kind=Kind.ANSWER,
        wants=NUMBER,
        wrong=(
            Wrong(0.0725, "without health checks"),
            Wrong(0.014, "how many seconds"),
            Wrong(float("nan"), "between 0 and 1"),
        ),
        hints=(
            "Two nodes check two tasks, each every ten seconds. How often in 86,400 seconds?",
            "The errors stay as many; only the number below the line grows.",
        ),
    ),
    Step(
        "07_4",
        "Work out the 95th percentile of the duration for each path.",
        4,
        investigation.p95_by_path,
        kind=Kind.ANSWER,
        wants=object,
        wrong=(Wrong(12.0, "A Series is wanted"), Wrong("/search/", "A Series is wanted")),
        hints=(
            'real.groupby("path") makes groups; ["duration_ms"] takes one column of each.',
            "A quantile: .quantile(0.95) is what 95 of 100 answers do not exceed.",
        ),
    ),
    Step(
        "07_5",
        "Count the slow answers (more than 300 ms) of each client.",
        4,
        investigation.slow_by_client,
        kind=Kind.ANSWER,
        wants=object,
        wrong=(
            Wrong("192.0.2.66", "one row for each client"),
            Wrong(48, "one row for each client"),
            Wrong(None, "the numbers are not", by_lab=investigation.durations_of_the_slow),
        ),
        hints=(
            'First the rows: real[real["duration_ms"] > 300].',
            'Then groups by "client"; .size() counts the rows of each.',
        ),
    ),
    Step(
        "07_6",
        "Count what the scanner has asked for, path by path.",
        5,
        investigation.paths_of_the_scanner,
        kind=Kind.ANSWER,
        wants=object,
        wrong=(Wrong("/wp-login.php", "A Series is wanted"), Wrong(60, "A Series is wanted")),
        hints=(
            "A scanner knows no page of this shop. Which client has the most 404?",
            'missing.groupby("client").size().idxmax() is that client.',
            'Then its rows, grouped by "path", and .size().',
        ),
    ),
    Step(
        "07_7",
        "Work out which share of the payments fails on phones, and which elsewhere.",
        5,
        investigation.failed_payments_by_phone,
        kind=Kind.ANSWER,
        wants=object,
        wrong=(Wrong(0.24, "two rows"), Wrong("phones", "two rows")),
        hints=(
            'A phone\'s user agent has the word Mobile: paid["user_agent"].str.contains("Mobile").',
            "One can group by a column of True and False, too: (condition).groupby(other condition).mean().",
        ),
    ),
    Step(
        "07_8",
        "Count the requests of each status in SQL, for this day of visitors only.",
        5,
        investigation.statuses_in_sql,
        kind=Kind.QUERY,
        wrong=(
            Wrong("SELECT statuss FROM httpd", "refuses the query"),
            Wrong("SELECT count(*) AS requests FROM httpd WHERE datehour >= '2026/01/01/00'", "Two columns"),
            Wrong("SELECT source, count(*) FROM httpd WHERE datehour >= '2026/01/01/00' GROUP BY 1", "each status"),
        ),
        hints=(
            "regexp_extract(log, '\" ([0-9]{3}) ', 1) takes the status out of a line; GROUP BY 1 groups by it.",
            "The lines of this day have the run's id in them: log LIKE '%id=…%' with made.run_id.",
            "The whole: SELECT regexp_extract(…) AS status, count(*) AS requests FROM httpd WHERE … GROUP BY 1",
        ),
    ),
)
