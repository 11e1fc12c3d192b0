answer = 'filter log like /" 404 / | stats count(*) as missing'
