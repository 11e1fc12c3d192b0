"""SQL in processes of their own: what one statement takes of memory is bounded, and taken back when it is killed."""
