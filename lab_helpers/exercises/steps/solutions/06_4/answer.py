answer = f"SELECT count(*) AS lines FROM httpd WHERE datehour = '{mine.answer[:13]}'"
