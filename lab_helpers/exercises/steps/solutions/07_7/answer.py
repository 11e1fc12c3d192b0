paid = real[real["path"] == "/checkout/thanks.html"]
answer = (paid["status"] == 500).groupby(paid["user_agent"].str.contains("Mobile")).mean()
