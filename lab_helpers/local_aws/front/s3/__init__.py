"""S3's calls and answers over HTTP where moto's differ: operations, names, checksums, documents, deletions."""
