"""What of the local AWS outlives its process: one SQLite file, the files of S3 objects, and moto in both."""
