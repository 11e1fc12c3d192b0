"""What the whole world may do with a bucket: access lists, policies, and what is blocked of them."""
