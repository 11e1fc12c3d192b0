answer = "IncomingRecords"
