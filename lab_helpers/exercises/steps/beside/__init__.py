"""Steps of the notebooks beside the workbook: drills, FAQ, incident."""
