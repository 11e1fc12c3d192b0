answer = rf"""
    SELECT regexp_extract(log, '" (\d{{3}}) ', 1) AS status, count(*) AS requests
    FROM httpd
    WHERE datehour >= '{hour}' AND log LIKE '%id={made.run_id}-%'
    GROUP BY 1 ORDER BY 1"""
