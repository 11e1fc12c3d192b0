answer = r"""
[FILTER]
    Name            record_modifier
    Match           *
    Record          team shop
[FILTER]
    Name            grep
    Match           httpd-*
    Exclude         log /favicon\.ico
[OUTPUT]
    Name            kinesis_firehose
    Match           *
    region          ap-northeast-1
    delivery_stream orders
"""
