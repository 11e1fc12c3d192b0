import gzip

answer = next(
    item["Key"]
    for item in listing
    if lab.traced_id.encode() in gzip.decompress(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
)
