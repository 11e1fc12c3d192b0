"""The workbook as a thing that is run, checked, reported, copied and translated."""
