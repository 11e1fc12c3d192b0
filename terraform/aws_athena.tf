# SQL over the objects that Firehose delivers: for logs that outgrow one machine's memory. A table is only a description;
# it costs nothing until it is asked.
resource "aws_glue_catalog_database" "logs" {
  name = replace("${var.prefix}_logs", "-", "_")
}

resource "aws_glue_catalog_table" "httpd" {
  name          = "httpd"
  database_name = aws_glue_catalog_database.logs.name
  table_type    = "EXTERNAL_TABLE"

  # Partition projection on Firehose's keys, YYYY/MM/DD/HH: no crawler, and a condition on datehour reads those hours only.
  parameters = {
    EXTERNAL                            = "TRUE"
    classification                      = "json"
    "projection.enabled"                = "true"
    "projection.datehour.type"          = "date"
    "projection.datehour.format"        = "yyyy/MM/dd/HH"
    "projection.datehour.range"         = "2021/01/01/00,NOW"
    "projection.datehour.interval"      = "1"
    "projection.datehour.interval.unit" = "HOURS"
    "storage.location.template"         = "s3://${aws_s3_bucket.firelens.id}/$${datehour}/"
  }

  partition_keys {
    name = "datehour"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.firelens.id}/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters            = { "ignore.malformed.json" = "true" }
    }

    dynamic "columns" {
      for_each = ["source", "log", "container_id", "container_name", "ecs_cluster", "ecs_task_arn", "ecs_task_definition"]

      content {
        name = columns.value
        type = "string"
      }
    }
  }
}
