import gzip
import json

body = s3.get_object(Bucket=bucket, Key=newest["Key"])["Body"].read()
text = gzip.decompress(body)
answer = [json.loads(line) for line in text.splitlines()]
